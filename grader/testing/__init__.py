"""What an author of tests may import: bounds and mismatches, and timing."""
