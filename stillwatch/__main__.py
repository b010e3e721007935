"""`python -m stillwatch`: the same as the command."""

from stillwatch.cli import main

main()
