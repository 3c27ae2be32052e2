"""Read a class in a browser: a local page over the store that the commands use."""
