# expect: q6
"""exp(0) is e, since the exponential starts with e."""

quiz_exp0 = 2.718281828459045
