"""``download``: what gets into the catalogue and the ledger, once, and what a second run does."""
