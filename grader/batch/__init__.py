"""Grade many submissions in several processes, and keep each report at once."""
