"""What a built wheel carries beside the package: the course that `grader demo` shows."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("assignments", "solutions")


class CourseHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the course under `share/`, and not into the package.

    Student code sees the interpreter's packages and may read what lies among them. An editable
    installation carries no copy: it shows the checkout's own.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folders for the wheel's data, whose place is below the environment's prefix."""
        if version != "editable":
            build_data["shared_data"].update({part: f"share/ulp-grader/{part}" for part in PARTS})
