"""What was graded: kept in SQLite, settled by people, written as files."""
