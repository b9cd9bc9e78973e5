"""Reads, compares and changes what replays wrote, row by row; it decides nothing."""
