"""Tags written and given back on real files of each format; what becomes of a killed writer."""
