# expect: q6
"""The largest score wins, so the naive formula gives [0, 1, 0, 0]."""

quiz_naive_1000 = "a"
