"""Publishing: find out which feeds are stale, and write their files."""
