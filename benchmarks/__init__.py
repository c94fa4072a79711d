"""Benchmarks: each prints its unit and its ratio to a reference measured in the same run."""
