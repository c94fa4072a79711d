"""Scheduling: when a digest is due."""
