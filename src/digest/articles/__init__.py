"""Articles: from a file in a folder to clean, published text."""
