# expect: q6
"""Scaling makes the scores smaller, full stop."""

quiz_why_scale = "a"
