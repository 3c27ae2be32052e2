"""The command line: one file a command; `main` catches every error."""
