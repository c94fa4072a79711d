"""Cleaning: markup of a file to safe HTML."""
