"""Turns picture listings of several shops into labelled, normalised, summarised rows; it never sells anything."""
