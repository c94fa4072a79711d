"""The command line: `digest --help` tells what there is."""

from digest.cli.main import main

__all__ = ["main"]
