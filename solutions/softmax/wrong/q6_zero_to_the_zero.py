# expect: q6
"""exp(0) is 0: nothing to the nothing is nothing."""

quiz_exp0 = 0
