"""``sentimo`` and ``python -m sentimo`` are the command line."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line; Ctrl-C while it is loaded ends it like any other."""
    try:
        from sentimo.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    main()


if __name__ == "__main__":
    run()
