"""Several labels a song: no label is lost, no song counts twice, no threshold sees a test row."""
