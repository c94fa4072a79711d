"""Validation: what specifications, validators and readers demand of a feed, as rules.

An ERROR is what a specification says with "must", or what a reader would lose or be harmed by; a
WARNING is what a specification says with "should", or what only validators mind.
"""

from tests.feed_validation.finding import Finding, Severity
from tests.feed_validation.reading import validate

__all__ = ["Finding", "Severity", "validate"]
