"""Tests of how images are built, named and pulled, and of the list of releases."""
