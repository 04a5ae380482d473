"""What is tried on copies beside an upgrade.

`interruption` cuts one off, `killing` does so at one place after the other; `rollback` puts the backup back;
`mixed_releases` serves by code of another release; `downtime` measures, on databases that `amplify` makes bigger.
"""
