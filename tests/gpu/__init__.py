"""Check and measure on a machine with a GPU what needs one: `python -m tests.gpu`."""
