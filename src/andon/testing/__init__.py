"""Public doubles for tests of andon and of what is built on it; each is the real thing at a small size."""
