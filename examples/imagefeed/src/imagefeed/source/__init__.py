"""A source server with several shops, the same for the same seed, that misbehaves when told; it knows no database."""
