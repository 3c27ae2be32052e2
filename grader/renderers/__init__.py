"""Pure functions from a gradebook to what people and other programs read."""
