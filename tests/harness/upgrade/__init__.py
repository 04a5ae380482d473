"""Tests of the stage, its drills, forecasts and loads."""
