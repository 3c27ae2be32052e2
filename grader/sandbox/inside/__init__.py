"""What runs beside student code: nothing here holds a secret, and nothing it says is trusted.

`worker` is the warm process, `lockdown` what a child gives up before `child` serves it; `attempts`
are the probes. Files import the standard library, a few named libraries, this folder and `wire`.
"""
