"""Tests of what every part of the harness uses: locks, owners, interrupts, private directories, redacting."""
