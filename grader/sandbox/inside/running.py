"""How student code is called from ours: what it raises is told apart from what fails in ours.

Executed from source beside student code.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from ..wire.protocol import DEVICE_LOST


class StudentRaisedError(Exception):
    """Carries what student code raised past our own code."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def run_theirs(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call into student code, and wait for what it left running on a GPU."""
    try:
        value = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt
        end_without_a_device()
        raise StudentRaisedError(error) from None
    end_without_a_device()
    return value


def end_without_a_device() -> None:
    """End this process where student code has broken its GPU context: nothing else mends it.

    Else the next transfer, of this case or of another question, would seem to be at fault.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        try:
            torch.cuda.synchronize()
        except Exception:  # noqa: BLE001 - whatever it says, the context is gone
            os._exit(DEVICE_LOST)
