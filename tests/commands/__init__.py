"""Fit, compare, predict and status as a person or a script meets them."""
