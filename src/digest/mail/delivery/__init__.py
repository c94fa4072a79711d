"""Delivery: send the messages of editions and record their results."""
