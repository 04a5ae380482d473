"""Tests of prepared databases, their copies, and how a dump is restored into them."""
