"""What notes torch's operations during a call, without the time that torch takes for its compiler.

Torch keeps its compiler away from what notes operations, and imports it for that: as long again as
torch itself takes, in each worker and each grader process. Where nothing has imported the compiler,
there is none to keep away.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

COMPILER = "torch._dynamo"
Run = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]


def noting(run: Run) -> Any:
    """Return a context in which `run` is given each of torch's operations, with its arguments.

    It runs the operation, and returns what that returns.
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    class Noting(TorchDispatchMode):  # type: ignore[no-untyped-call]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return COMPILER in sys.modules

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            del types
            return run(func, args, kwargs or {})

    return Noting()  # type: ignore[no-untyped-call]
