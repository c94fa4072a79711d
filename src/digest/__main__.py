"""The command `digest`, and `python -m digest`.

Processes that read articles load this module again, and need nothing of what it starts.
"""


def main() -> None:
    """Run the program."""
    from digest.startup import without_collector

    with without_collector():
        from digest.cli import main as run
    run()


if __name__ == "__main__":
    main()
