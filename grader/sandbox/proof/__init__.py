"""Whether a level holds on this machine, seen from outside."""
