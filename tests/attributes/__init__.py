"""Attributes estimated from audio: known answers, the network's own, and what fit makes of it."""
