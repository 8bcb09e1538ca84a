"""The page: what is served, and the JSON API beside it; both call the same functions."""
