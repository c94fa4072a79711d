"""Reading: parse the bytes of an article file into metadata and a body of HTML."""
