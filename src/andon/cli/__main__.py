"""Lets `python -m andon.cli` be the command."""

from andon.cli import main

main()
