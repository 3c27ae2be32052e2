# expect: q6
"""The right number, as a word."""

quiz_exp0 = "1"
