"""SMTP: a pool of connections, the protocol, the meaning of reply codes."""
