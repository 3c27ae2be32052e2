"""An assignment as its two folders state it: settings, notebook, test cases, reference."""
