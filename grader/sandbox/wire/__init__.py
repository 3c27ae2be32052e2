"""What both sides of the wall run: the frames that cross it, and how values travel in them."""
