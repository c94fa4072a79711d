"""Feeds: selections of articles, written in several formats."""
