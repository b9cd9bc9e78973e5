"""Says what a picture shows, by contrastive image-text inference; it never fetches one or writes a row."""

from imagefeed.clip.errors import ClipError
from imagefeed.clip.model import Classification, Clip

__all__ = ["Classification", "Clip", "ClipError"]
