# expect: q6
"""An error will be raised, as math.exp would."""

quiz_naive_1000 = "d"
