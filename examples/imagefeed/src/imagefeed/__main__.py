"""Hands the command line to imagefeed.cli; it decides nothing itself."""

import sys

from imagefeed.cli import main

if __name__ == "__main__":
    sys.exit(main())
