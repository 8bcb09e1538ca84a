"""Liked songs of a Spotify account into one playlist for each genre: what command and page share.

Spotify's part is that of an address book: it says which songs are liked, and takes the playlists.
What the model hears comes from elsewhere.
"""
