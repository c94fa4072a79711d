"""Reading: bytes of a file to what the file says."""
