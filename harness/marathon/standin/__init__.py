"""A local stand-in for Marathon 1.6 that runs tasks as containers.

It exists so that deploy tests run without Mesos. It reproduces the parts of Marathon that decide whether a deploy
is good: the app definition and its errors, health checks, rolling replacement, backoff, kills, deployments and
events. Start it with `python -m harness.marathon.standin`.

Interface: `middleware` with `credentials`, `api`, `taskapi`, `page`, `wire`, `errors`, `events` and
`event_fields`. Definitions: `model` on `base_model`, with `checks`; `legacy_keys`, `versions`, `normalize`,
`validate`, `render`, `labelselector`. Behaviour: `commands` and `views` on `state`; `rollout` carries a
`deployment` out with `action_state`; `scheduler` launches each `task`, by `placement` and `backoff`; `partition`
loses one; `monitor` runs `probes` for `health` and `readiness`, with `namespace_sockets`.
Containers: `runner` is the interface of `tasks`, which uses `flags`, `environment`, `labels`, `following`,
`execution` and `local_process`. `core` puts it together on a `clock`, `process` starts it as a child.
"""
