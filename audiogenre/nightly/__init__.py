"""The nightly refresh: the commands one after the other, and what came of them."""
