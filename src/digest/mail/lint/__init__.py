"""Lint: check a finished message against the rules of mail programs and mailbox providers."""
