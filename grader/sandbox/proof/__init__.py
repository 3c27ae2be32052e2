"""Whether a level holds on this machine, seen from outside.

What a child tries is in `sandbox/inside/attempts.py`, where another probe is added.
"""
