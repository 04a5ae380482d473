"""A local stand-in for Marathon 1.6 that runs tasks as containers.

It exists so that deploy tests run where there is no Mesos. It reproduces the parts of Marathon that
decide whether a deploy is good: the app definition and its errors, health checks, rolling replacement,
backoff, kills, deployments and events. Start it with `python -m harness.marathon.standin`.
"""
