"""The one error of picture classification; it never says anything about the pipeline around it."""


class ClipError(Exception):
    """A model folder, a picture or a label cannot be used: the message says which one and what to do."""
