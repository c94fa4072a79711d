"""Ingest: article files of the tree to the store."""
