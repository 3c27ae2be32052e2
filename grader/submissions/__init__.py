"""Collect what students handed in, from any LMS's export, a folder, a zip or a notebook."""
