"""Tests of the project itself: structure, documents, make, pipeline."""
