"""The web server: published files, and the pages that answer a subscriber."""
