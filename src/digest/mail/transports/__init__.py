"""Transports: SMTP, a sendmail command, a Maildir."""
