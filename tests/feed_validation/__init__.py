"""What the tests judge feeds by: the demands of specifications, validators and readers, as rules.

An ERROR is what a specification says with "must", or what a reader would lose or be harmed by; a
WARNING is what a specification says with "should", or what only validators mind. Nothing here is
taken from the program that is judged, but for the addresses of a site.
"""

from tests.feed_validation.finding import Finding, Severity
from tests.feed_validation.reading import validate, validate_published

__all__ = ["Finding", "Severity", "validate", "validate_published"]
