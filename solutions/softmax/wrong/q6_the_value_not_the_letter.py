# expect: q6
"""Gives the value behind the letter."""

quiz_fp16_threshold = 11
