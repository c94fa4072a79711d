"""Sources: upstream feeds that are followed, each entry of which becomes an article file."""
