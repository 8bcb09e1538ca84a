"""``download`` from services that fail in every way: nothing is lost, and nothing asked twice."""
