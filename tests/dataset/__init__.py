"""Features joined to labels: what is left out is counted, and the split follows the tracks."""
