"""Questions asked of an upgraded site. A module that has a `check` returns a Report; the others are their parts.

Before the upgrade: `preflight`, with `preflight_blanks`, `preflight_collisions`, `preflight_configuration`,
`preflight_database`, `preflight_identity`, `preflight_lifecycles`, `preflight_storage`, `preflight_time_zones` and
`upgrading`; `cached_fact` keeps what is found out about the old side. How it went: `run`, with `log`; `history`.
The structure: `schema`, with `structure`, `longer_indexes`, `step_mentions`, `views` and `absorbed`. Rows: `rows`,
with `comparison`, `row_judge`, `allowances`, `rules`, `dashboards`, `context`, `effects`, `undocumented_steps` and
`unreadable`; `repeated` and `paths` (with `upgrade_path`) compare two upgrades in its way. What they mean:
`integrity`; `meaning`, with `meaning_told`, `meaning_rules`, `meaning_allowances`, `code` and `organization`.
Whether it works: `application`, with `trial_visit`, `attempts`, `pages`, `exchanges`, `jobs`, `optional_jobs`,
`dashboard_mails`, `mails`, `mails_by_chance`, `startup_log` and `former_release`. Asked elsewhere:
`interrupted_upgrade` of drills, `acknowledged` of deploys, with `lost_sessions`, `image` and `layers` of images.
"""
