"""Lets `python -m andon` be the command."""

from andon.cli import main

main()
