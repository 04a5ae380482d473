"""Tests of how RT's own programs and configuration are used."""
