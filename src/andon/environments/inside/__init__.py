"""Files that run inside the sandbox, with the project's own build backend; they never import andon."""
