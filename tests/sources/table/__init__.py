"""Tables somebody else made: cleaned with counts, and nothing taken that gives the label away."""
