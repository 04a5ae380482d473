"""Tests of how dumps are read, told apart and made."""
