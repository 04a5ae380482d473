"""Tests of the gate, and of the plugins that choose, order and record its tests."""
