"""Settings: the configuration file and the environment, as checked values."""

from digest.settings.load import CONFIG_VARIABLE, exposed_secrets, find, load, problems
from digest.settings.model import Settings
from digest.settings.types import language_tag, zone

__all__ = [
    "CONFIG_VARIABLE",
    "Settings",
    "exposed_secrets",
    "find",
    "language_tag",
    "load",
    "problems",
    "zone",
]
