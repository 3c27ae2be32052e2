"""What an isolation level is made of.

`recipes` states the levels, and where another one is added; the other modules are the parts that a
recipe can have, and `host` what this machine offers of them.
"""
