"""`python -m firm.cli` is `firm`."""

from firm.cli import main

main()
