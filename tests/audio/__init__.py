"""Decoding: every way in gives the same clip, and what is damaged is refused with a reason."""
