"""``playlists`` against a Spotify over HTTP: correct to the song, and never a thing twice."""
