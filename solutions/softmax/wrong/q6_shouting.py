# expect: q6
"""The right letters in capitals."""

quiz_fp16_threshold = "B"
quiz_naive_1000 = "C"
quiz_why_scale = "D"
