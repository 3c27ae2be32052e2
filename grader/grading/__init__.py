"""Judge one submission: its cells in a sandbox, its cases in the judge, and the control."""
