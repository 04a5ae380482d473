"""Checks of an upgraded site. A module that has a `check` returns a Report; the others are parts of those.

Before the upgrade: `preflight`, with `preflight_blanks`, `preflight_collisions`, `preflight_configuration`,
`preflight_database`, `preflight_identity`, `preflight_lifecycles`, `preflight_lookups`, `preflight_storage`,
`preflight_time_zones` and `upgrading`; `cached_fact` keeps the facts about the old side. The upgrade run: `run`,
with `log` and `broken_attributes`; `history`, with `upgrade_history`. The structure: `schema`, with `structure`,
`structure_width`, `structure_roomier`, `structure_kept` (what is the site's own), `longer_indexes`,
`step_mentions`, `views`, `triggers` and `absorbed`. Rows: `rows`, with `comparison`, `structure_changes`,
`row_judge`, `row_triggers`, `allowances`, `rules`, `dashboards`, `context`, `effects`, `undocumented_steps` and
`unreadable`; `repeated` and `paths` (with `upgrade_path`) compare two upgrades in the same way. The meaning of the
rows: `integrity`; `meaning`, with `meaning_told`, `meaning_untold`, `meaning_rules`, `meaning_allowances`, `code`
and `organization`. The running site: `application`, with `trial_visit`, `attempts`, `pages`, `exchanges`, `jobs`,
`nightly_jobs`, `optional_jobs`, `dashboard_mails`, `mails`, `mails_by_chance`, `startup_log` and
`old_release_answers`; `open_question` is for what the old release cannot be asked, `in_time` for programs that
were not done in time. Outside the upgrade check: `interrupted_upgrade` for drills, `acknowledged` for deploys,
with `lost_sessions`, `image` and `layers` for images.
"""
