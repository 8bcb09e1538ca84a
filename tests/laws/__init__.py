"""Laws that hold for any input: what makes no difference, and what can never be written."""
