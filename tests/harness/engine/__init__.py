"""Tests of finding, starting and stopping an engine, and of what runs on it and is removed again."""
