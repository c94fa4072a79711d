"""Storage: the only memory; SQLite by default, PostgreSQL by URL."""
