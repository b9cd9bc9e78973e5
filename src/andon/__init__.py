"""andon keeps running systems running: red check, root cause, proven fix, a signature, release, quiet alert."""

__version__ = "0.1.0"
