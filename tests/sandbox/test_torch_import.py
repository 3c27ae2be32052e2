"""What torch's import puts off is there for whoever asks for it, as if it had never been away."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from grader.model import Limits
from grader.sandbox import Worker
from grader.sandbox.inside.worker import FEW_CHILDREN

torch = pytest.importorskip("torch")

# Each is run in a process where nothing was put off, and in one where it was.
ASKED = {
    "the exporter, as an attribute": "said = torch.export.ExportedProgram.__name__",
    "the exporter, by an import": "import torch.export; said = torch.export.export.__name__",
    "a decomposition, by an import": (
        "from torch._decomp import decomposition_table\n"
        "said = torch.ops.aten.gelu.default in decomposition_table"
    ),
    "what imports it in the midst of its own import": (
        "import torch.utils._content_store\nsaid = torch._refs.__name__"
    ),
    "a module of torch's that is imported by nothing": (
        "import torch.utils.benchmark\nsaid = torch.utils.benchmark.Timer.__name__"
    ),
    "a function over a batch": (
        "said = torch.func.vmap(lambda row: torch.softmax(row, 0))(torch.eye(2)).tolist()"
    ),
    "a derivative forwards": (
        "one = (torch.ones(2),)\n"
        "said = [item.tolist() for item in torch.func.jvp(torch.nn.functional.gelu, one, one)]"
    ),
    "a tensor without data": (
        "found = torch.nn.functional.gelu(torch.empty(3, device='meta'))\n"
        "said = [str(found.device), list(found.shape)]"
    ),
    "a tensor whose data are left behind": (
        "found = torch.linalg.svd(torch.ones(2, 3).to('meta'))\n"
        "said = [list(item.shape) for item in found]"
    ),
    "layers that are made where no data are": (
        "with torch.device('meta'):\n    layer = torch.nn.LSTM(3, 4)\n"
        "said = [str(one.device) for one in layer.parameters()]"
    ),
    "tensors that a tool only pretends": (
        "from torch._subclasses.fake_tensor import FakeTensorMode\n"
        "with FakeTensorMode():\n"
        "    said = [list(item.shape) for item in torch.linalg.qr(torch.ones(3, 2))]"
    ),
    "a name that torch lacks": "said = [hasattr(torch, 'nope'), 'torch.nope' in sys.modules]",
    "a module that torch lacks": (
        "try:\n    import torch.nope\nexcept ImportError as error:\n    said = str(error)"
    ),
}
COUNTS = "[len(torch._decomp.decomposition_table), len(torch._decomp.meta_table)]"
RUNNER = """
import json, os, sys
if sys.argv[1] == "put off":
    from grader.sandbox.inside.torch_import import import_torch
    import_torch()
import torch
found = {"at first": "torch._decomp" in sys.modules}
for name, source in json.load(sys.stdin).items():
    ours, theirs = os.pipe()
    if not os.fork():
        names = {"torch": torch, "sys": sys}
        exec(source, names)
        torch._meta_registrations
        with open(theirs, "w") as file:
            json.dump([names["said"], COUNTS], file)
        os._exit(0)
    os.close(theirs)
    with open(ours) as file:
        found[name] = json.load(file)
    os.wait()
print(json.dumps(found))
"""


def answers(how: str) -> dict[str, object]:
    """Return what each snippet says in a fork of a process that has imported torch in some way."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUNNER.replace("COUNTS", COUNTS), how],
        input=json.dumps(ASKED), capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_what_is_put_off_is_there_when_it_is_asked_for() -> None:
    plain, later = answers("plain"), answers("put off")
    assert plain.pop("at first")
    assert not later.pop("at first"), "nothing was put off, so that nothing is shown here"
    assert later == plain


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
