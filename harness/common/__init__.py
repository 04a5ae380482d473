"""What every part of the harness stands on."""
