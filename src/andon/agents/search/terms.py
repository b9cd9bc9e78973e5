"""The wording of a contrast's terms, as the search reads them; what they mean is decided in `andon.terms`."""

from __future__ import annotations

from andon.terms import equal_value, literal, meets, meets_all

__all__ = ["equal_value", "literal", "meets", "meets_all"]
