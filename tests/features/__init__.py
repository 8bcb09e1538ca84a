"""The feature sets: their columns, against closed forms and other programs' answers."""
