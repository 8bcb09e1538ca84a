"""What the site takes from the program itself, so that no copy of it can go stale."""
