"""The SQLite file that grades are kept in: its schema, lock and transactions."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from grader.errors import StoreError

# What is kept when a transaction ends outlasts a loss of power, for which each waits for the disk.
SYNCHRONOUS = "FULL"
# One script a schema version; a store of an older version gets those that it lacks.
MIGRATIONS = (
    """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE submission (
    student TEXT PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    received TEXT, late INTEGER NOT NULL, members TEXT NOT NULL
);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, sha256 TEXT NOT NULL,
    assignment_sha256 TEXT NOT NULL, seed INTEGER NOT NULL, isolation TEXT NOT NULL,
    environment TEXT NOT NULL, error TEXT, seconds REAL NOT NULL, phases TEXT NOT NULL,
    limits TEXT NOT NULL, finished TEXT NOT NULL
);
CREATE TABLE result (
    attempt INTEGER NOT NULL REFERENCES attempt(id), student TEXT NOT NULL,
    question TEXT NOT NULL, question_sha256 TEXT NOT NULL, status TEXT NOT NULL,
    score REAL NOT NULL, report TEXT NOT NULL, PRIMARY KEY (attempt, question)
);
CREATE TABLE override (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, question TEXT NOT NULL, sha256 TEXT NOT NULL,
    score REAL, who TEXT NOT NULL, why TEXT NOT NULL, made TEXT NOT NULL
);
CREATE TABLE manual (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, question TEXT NOT NULL,
    answer_id TEXT NOT NULL, score REAL, comment TEXT NOT NULL, who TEXT NOT NULL,
    made TEXT NOT NULL
);
""",
    """
CREATE TABLE control (
    question TEXT NOT NULL, place TEXT NOT NULL, control TEXT NOT NULL, made TEXT NOT NULL,
    PRIMARY KEY (question, place)
);
""",
    """
UPDATE result SET report = json_set(report, '$.written',
    json_object('text', json_extract(report, '$.answer')))
WHERE json_extract(report, '$.answer') <> '';
""",
    """
ALTER TABLE submission ADD COLUMN identity TEXT NOT NULL DEFAULT '';
ALTER TABLE submission ADD COLUMN name TEXT NOT NULL DEFAULT '';
""",
    # What `rubrics`, `requests` and `notebooks_kept` keep.
    """
CREATE TABLE rubric_item (
    id INTEGER PRIMARY KEY, question TEXT NOT NULL, item TEXT NOT NULL, position INTEGER NOT NULL,
    points REAL NOT NULL, comment TEXT NOT NULL, is_used INTEGER NOT NULL, who TEXT NOT NULL,
    made TEXT NOT NULL
);
CREATE TABLE mark (
    manual INTEGER PRIMARY KEY REFERENCES manual(id), items TEXT NOT NULL, comment TEXT NOT NULL,
    by_hand REAL
);
CREATE INDEX manual_by_question ON manual (question, student);
CREATE TABLE request (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, question TEXT NOT NULL, text TEXT NOT NULL,
    made TEXT NOT NULL, UNIQUE (student, question, text)
);
CREATE TABLE request_step (
    id INTEGER PRIMARY KEY, request INTEGER NOT NULL REFERENCES request(id), state TEXT NOT NULL,
    reply TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL
);
CREATE TABLE notebook (sha256 TEXT PRIMARY KEY, content BLOB NOT NULL, files BLOB NOT NULL);
""",
)
SCHEMA_VERSION = len(MIGRATIONS)
BUSY_SECONDS = 30


class Database:
    """A store's file, open; a context manager.

    `exclusive` takes the batch's lock: a second batch on the same store is refused at once.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        self.path = path
        self._lock: Any = None
        self._db: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if exclusive:
                self._lock = _take_lock(path.with_suffix(".lock"))
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
            self._migrate()
        except (sqlite3.Error, OSError) as problem:
            self.close()
            reason = getattr(problem, "strerror", None) or problem
            raise StoreError(
                f"The store {path} cannot be opened: {reason}. Check the folder and its disk."
            ) from problem
        except BaseException:
            self.close()
            raise

    def _migrate(self) -> None:
        version = self._rows("PRAGMA user_version")[0][0]
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has schema {version}, this grader reads up to {SCHEMA_VERSION}; "
                "use the grader that made it, or grade into a new folder."
            )
        if version < SCHEMA_VERSION:
            with self._transaction():
                for script in MIGRATIONS[version:]:
                    for statement in script.split(";"):
                        self._execute(statement)
                self._execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        if self._db is None:
            raise StoreError(f"{self.path} is closed; open it again.")
        return self._db.execute(sql, [storable(value) for value in values])

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._execute(sql, values).fetchall()
        except sqlite3.Error as problem:
            raise StoreError(
                f"{self.path} could not be read: {problem}. Check the folder and its disk."
            ) from problem

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._execute("BEGIN IMMEDIATE")
            yield
            self._execute("COMMIT")
        except BaseException as problem:
            with contextlib.suppress(sqlite3.Error):
                self._execute("ROLLBACK")
            if not isinstance(problem, sqlite3.Error):
                raise
            advice = "free some space" if "locked" not in str(problem) else "wait for its user"
            raise StoreError(
                f"{self.path} could not be written: {problem}. What it held before is safe; "
                f"{advice} and run the same command again."
            ) from problem

    def close(self) -> None:
        """Close the database and give the lock back."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def storable(value: Any) -> Any:
    """Return a value that SQLite can keep: a file name that is no UTF-8 has lone surrogates."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case list() | tuple():
            return [storable(item) for item in value]
        case dict():
            return {storable(key): storable(item) for key, item in value.items()}
    return value


def _take_lock(path: Path) -> Any:
    """Return an open file that holds the lock until it is closed, also by the process's end."""
    lock = path.open("a+", encoding="utf-8")
    try:
        import fcntl
    except ImportError:  # Windows: no batch runs there but with --isolation none
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StoreError(
            f"Another batch is grading into {path.parent}; wait for it, or choose another -o."
        ) from None
    return lock
