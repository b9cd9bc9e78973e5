"""Files that run inside the sandbox, with an agent; they never import andon."""
