"""Subscribers: who reads which digest, their addresses and the tokens in their links."""
