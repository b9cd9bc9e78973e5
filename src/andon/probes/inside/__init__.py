"""Files that run inside the sandbox; they never import andon."""
