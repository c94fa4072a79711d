"""Editions: issues of a digest, their planning, approval and progress."""
