"""What student code may not do with an object that a test gives it: change what that tells.

A test asks such an object afterwards what was done with it, by its methods or, of a mock, by what
that has noted. In one process a student's code could have it say anything.
"""

import inspect
from typing import Any

NOTED = frozenset({
    "call_args", "call_args_list", "call_count", "called", "method_calls", "mock_calls",
})  # fmt: skip
# What has a mock forget, or says what it is going to give.
OF_THE_TESTS = frozenset({
    "attach_mock", "configure_mock", "mock_add_spec", "reset_mock", "side_effect",
})  # fmt: skip
SAID = "The student's code uses `{name}` of an object of the test's, which tells what was done"


def changes_what_it_tells(value: Any, operation: str, name: str) -> bool:
    """Say whether an operation by a name would have an object tell a test something else."""
    is_mock = type(value).__module__ == "unittest.mock"
    if operation == "getattr":
        return is_mock and (name in OF_THE_TESTS or name.startswith("_mock_"))
    found = inspect.getattr_static(type(value), name, None)
    is_method = callable(found) or isinstance(found, classmethod)
    is_noted = name in NOTED or name.startswith(("_mock_", "_spec_", "assert"))
    return operation == "setattr" and (is_method or (is_mock and is_noted))
