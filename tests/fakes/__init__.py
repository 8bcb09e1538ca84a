"""The fake services themselves: a fake that lies is worse than none."""
