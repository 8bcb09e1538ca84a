"""``evaluate``: a model judged by music from elsewhere, of artists that it has never heard."""
