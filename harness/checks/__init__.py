"""Checks of an upgraded site. A module that has a `check` returns a Report; the others are parts of those.

In the order of a run: `preflight`, before the upgrade; `run`, with `log` and `broken_attributes`, and `history`,
with `upgrade_history`, about the upgrade itself; then the upgraded site: `schema`, `rows`, `integrity`, `meaning`
(with `code` for code in the database) and `application`. These five and `preflight` have parts of their own.

`repeated` and `paths` (with `upgrade_path`) compare two upgrades as `rows` does. `cached_fact` keeps what is known
of the old side, `open_question` is for what the old release cannot be asked, `in_time` for programs that were not
done in time. Outside of the upgrade: `interrupted_upgrade` for drills, `acknowledged`, with `lost_sessions`, for
deploys, `image` and `layers` for images.
"""
