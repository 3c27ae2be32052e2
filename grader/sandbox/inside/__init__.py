"""What runs with a student's code; nothing here holds a secret, and nothing it says is trusted."""
