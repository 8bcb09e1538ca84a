"""Learning from simulated copies: they are learned from, and never judged by nor divided from."""
