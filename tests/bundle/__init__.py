"""A model on disk: the same after loading, whole or not at all, and refusing what does not fit."""
