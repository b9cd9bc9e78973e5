"""Files that run inside or at the door of a sandbox; they never import andon."""
