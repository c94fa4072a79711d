"""Mail: editions of a digest and their deliveries to subscribers."""
