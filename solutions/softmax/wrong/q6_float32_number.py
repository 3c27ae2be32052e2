# expect: q6
"""88 is where float32 ends."""

quiz_fp16_threshold = "c"
