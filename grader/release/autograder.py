"""The zip that Gradescope takes: set-up, our wheel, the assignment with its hidden tests."""

import platform
from importlib import metadata, resources

from grader.course.beside import files_of
from grader.model import Assignment

from . import wheel
from .archives import pack

# What decides a score is pinned to what the release was verified with.
PINNED = ("numpy", "torch", "otter-grader", "ipython", "matplotlib", "msgspec")
TEMPLATES = ("setup.sh", "run_autograder")
NOT_NEEDED = ("correct", "wrong")  # of the solutions: they are for verifying
EXECUTABLE = frozenset(TEMPLATES)


def archive(assignment: Assignment) -> bytes:
    """Return the bytes of `autograder.zip`."""
    folder = resources.files("grader.release") / "templates"
    files = {name: (folder / name).read_bytes() for name in TEMPLATES}
    files["requirements.txt"] = "\n".join([*pins(assignment), ""]).encode()
    files["python-version"] = ".".join(platform.python_version_tuple()[:2]).encode() + b"\n"
    name, data = wheel.build()
    files[name] = data
    for path in files_of(assignment.folder):
        relative = path.relative_to(assignment.folder).as_posix()
        files[f"course/assignments/{assignment.slug}/{relative}"] = path.read_bytes()
    if assignment.solutions is not None:
        for path in files_of(assignment.solutions):
            inside = path.relative_to(assignment.solutions)
            if inside.parts[0] not in NOT_NEEDED:
                name = f"course/solutions/{assignment.slug}/{inside.as_posix()}"
                files[name] = path.read_bytes()
    return pack(files, EXECUTABLE)


def pins(assignment: Assignment) -> list[str]:
    """Return requirement lines for what is installed here and decides a score."""
    found = []
    for package in (*PINNED, *assignment.needs):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        found.append(f"{package}=={version.partition('+')[0]}")  # +cpu is this machine's build
    return found
