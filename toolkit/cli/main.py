"""The `hotswap` command."""


def main() -> None:
    """Run the command line."""
