"""Run drills on copies beside an upgrade.

`interruption` cuts an upgrade off, `killing` does so at several places; `rollback` restores the backup;
`mixed_releases` runs another release's code on a database; `downtime` forecasts durations, from measurements on
databases that `amplify` enlarges.
"""
