"""What is tried on copies beside an upgrade: kills, rollback, releases side by side, time."""
