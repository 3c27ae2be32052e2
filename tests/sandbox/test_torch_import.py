"""What torch's import puts off is there for whoever asks for it, as if it had never been away."""

import json
import math
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from grader.model import Limits
from grader.sandbox import Worker
from grader.sandbox.inside.torch_import import COMPARED
from grader.sandbox.inside.worker import FEW_CHILDREN

pytestmark = pytest.mark.skipif(
    not metadata.version("torch").startswith(COMPARED),
    reason="torch is of a version that is imported whole",
)
MANY = 3_000
# Each is run in a process where nothing was put off, and in one where it was.
ASKED = {
    "the exporter, as an attribute": "said = torch.export.ExportedProgram.__name__",
    "what imports decompositions in the midst of its own import": (
        "import torch.utils._content_store\nsaid = torch._refs.__name__"
    ),
    "a function over a batch": (
        "said = torch.func.vmap(lambda row: torch.softmax(row, 0))(torch.eye(2)).tolist()"
    ),
    "a tensor without data": (
        "found = torch.nn.functional.gelu(torch.empty(3, device='meta'))\n"
        "said = [str(found.device), list(found.shape)]"
    ),
    "a tensor whose data are left behind": (
        "found = torch.linalg.svd(torch.ones(2, 3).to('meta'))\n"
        "said = [list(item.shape) for item in found]"
    ),
    "a generator of random numbers": (
        "one = torch.Generator().manual_seed(3)\n"
        "said = [type(torch.Generator).__name__, torch.rand(2, generator=one).tolist()]"
    ),
    "a module that torch lacks": (
        "try:\n    import torch.nope\nexcept ImportError as error:\n"
        "    said = [str(error), hasattr(torch, 'nope')]"
    ),
}
# Kernels of operations, and what modules hold, each as text: to be compared, whole.
RUNNER = """
import json, os, sys
if sys.argv[1] == "put off":
    from grader.sandbox.inside.torch_import import import_torch
    import_torch()
import torch
state = {"at first": "torch._decomp" in sys.modules}
state["kernels"] = {
    name: torch._C._dispatch_dump(name) for name in torch._C._dispatch_get_all_op_names()
}
state["names"] = {
    f"{module}.{name}": f"{type(value)}"
    for module in list(sys.modules)
    if module.partition(".")[0] == "torch" and not module.startswith("torch.ops")
    for name, value in list(vars(sys.modules[module]).items())
}
said = {}
for name, source in json.load(sys.stdin).items():
    ours, theirs = os.pipe()
    if not os.fork():
        names = {"torch": torch, "sys": sys}
        exec(source, names)
        torch._meta_registrations
        tables = torch._decomp.decomposition_table, torch._decomp.meta_table
        with open(theirs, "w") as file:
            json.dump([names["said"], *map(len, tables)], file)
        os._exit(0)
    os.close(theirs)
    with open(ours) as file:
        said[name] = json.load(file)
    os.wait()
print(json.dumps([state, said]))
"""
OF_THE_COMPILER = ("prims", "debugprims", "rngprims", "export")  # namespaces of operations
PUT_OFF_NAMES = {
    "torch._custom_op.autograd", "torch._custom_op.impl", "torch._custom_ops", "torch._decomp",
    "torch._export", "torch._meta_registrations", "torch._prims", "torch._prims_common.wrappers",
    "torch._refs", "torch.export", "torch.fx.passes.infra", "torch.utils._content_store",
    "torch.testing._internal.common_dtype",
}  # fmt: skip
State = dict[str, Any]


@pytest.fixture(scope="module")
def both() -> list[tuple[State, State]]:
    """What a process has and answers that has imported torch whole, and one that has put it off."""
    found = []
    for how in ("whole", "put off"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", RUNNER, how],
            input=json.dumps(ASKED), capture_output=True, text=True, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        state, said = json.loads(done.stdout)
        found.append((state, said))
    return found


def test_what_is_put_off_is_there_when_it_is_asked_for(both: list[tuple[State, State]]) -> None:
    (_, whole), (_, later) = both
    assert later == whole


def test_nothing_else_is_put_off(both: list[tuple[State, State]]) -> None:
    (whole, _), (later, _) = both
    assert whole["at first"]
    assert not later["at first"], "nothing was put off, so that nothing is shown here"
    kernels = kernels_of(whole)
    assert kernels == kernels_of(later)
    assert len(kernels) > MANY
    # Whatever a module has is of the same type, down to the classes of classes.
    modules = modules_of(later)
    names = {
        name: kind
        for name, kind in whole["names"].items()
        if name.rpartition(".")[0] in modules and name not in PUT_OFF_NAMES
    }
    assert names == {name: later["names"].get(name) for name in names}
    assert len(names) > MANY


def modules_of(state: State) -> set[str]:
    """Return the modules that a process had at first."""
    return {name.removesuffix(".__name__") for name in state["names"] if name.endswith("__name__")}


def kernels_of(state: State) -> dict[str, list[str]]:
    """Return the kernels of each operation, but for tensors without data and for Apple's GPUs."""
    return {
        name: [line for line in text.splitlines() if not line.startswith(("Meta", "MPS"))]
        for name, text in state["kernels"].items()
        if name.partition("::")[0] not in OF_THE_COMPILER
    }


def test_a_worker_puts_it_off_for_its_first_children() -> None:
    limits = Limits(cell_seconds=60, submission_seconds=120)
    cells = (
        "import sys, torch\nprint(torch.ones(2), 'torch._meta_registrations' in sys.modules)",
        "layer = torch.nn.Linear(2, 3, device='meta')\nrows = torch.empty(4, 2, device='meta')",
        "print([*layer(rows).shape], 'torch._meta_registrations' in sys.modules)",
    )

    def said(cells: Iterable[str]) -> list[str]:
        with worker.session(limits, deadline=math.inf) as session:
            return [session.run_cell(cell, number).output for number, cell in enumerate(cells, 1)]

    with Worker(libraries=("torch",)) as worker:
        assert said(cells) == ["tensor([1., 1.]) False\n", "", "[4, 3] True\n"]
        for _ in range(FEW_CHILDREN - 1):
            assert said(cells[:1]) == ["tensor([1., 1.]) False\n"]
        assert said(cells[:1]) == ["tensor([1., 1.]) True\n"]
