"""Prepare a bare machine: `engine` installs and starts a container engine, `started` notes and stops it."""
