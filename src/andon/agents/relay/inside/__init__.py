"""What runs in the sandbox, with nothing but Python's own library."""
