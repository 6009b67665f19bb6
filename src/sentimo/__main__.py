"""``python -m sentimo`` is the command line."""

from sentimo.cli import main

main()
