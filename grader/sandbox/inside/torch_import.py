"""Imports torch without a quarter of it, which tensors that hold numbers never use.

In the end torch imports its exporter, and makes decompositions and meta kernels for its compiler
and for tensors without data. Worker and judge would wait for that, and few notebooks need it. It
comes all at once, and as torch orders it, before anything else of torch is imported and before the
first tensor without data.

That everything else is there, to the last kernel, is a matter of torch's version, and compared in
`tests/sandbox/test_torch_import.py`. Another version is imported as it is.
"""

import importlib
import re
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

COMPARED = ("2.13.",)  # versions of torch
# What torch imports last, in its order, and makes no use of itself.
PUT_OFF = ("torch.export", "torch._meta_registrations")
# What is an attribute of torch because these import it.
WITH_THEM = ("torch._decomp", "torch._prims", "torch._refs", "torch._custom_ops")
# What torch imports when it first prints a tensor, loads a batch, reads a file or is asked for its
# default device: small, and in no need of the rest.
AT_FIRST_USE = (
    "torch._subclasses.schema_check_mode", "torch.profiler._cupti_monitor",
    "torch.utils.serialization.config", "torch.utils._device",
)  # fmt: skip
# Kernels with which every tensor without data begins.
BEGINNINGS = ("empty.memory_format", "empty_strided")


def import_torch() -> Any:
    """Import torch, and put off what nothing asks for yet; where torch is there, it stays as it is.

    ImportError as from `import torch`.
    """
    if "torch" in sys.modules or not _is_compared():
        return importlib.import_module("torch")
    # Torch takes what it finds under these names, and does no more than to bind it.
    instead = {name: ModuleType(name) for name in PUT_OFF}
    sys.modules.update(instead)
    try:
        torch: Any = importlib.import_module("torch")
    finally:
        for name in instead:
            del sys.modules[name]
    for name in PUT_OFF:
        del vars(torch)[_attribute(name)]
    later = {_attribute(name) for name in (*PUT_OFF, *WITH_THEM)}
    torch._lazy_modules |= later  # noqa: SLF001 - which torch imports when they are asked for
    _make_generators(torch)
    _import_before_meta_tensors(torch)
    for name in AT_FIRST_USE:
        importlib.import_module(name)
    sys.meta_path.insert(0, _RestFirst())
    return torch


def import_the_rest() -> None:
    """Import what was put off, if it is not there yet; nothing where torch is not."""
    if "torch" in sys.modules:
        for name in PUT_OFF:
            importlib.import_module(name)


def _is_compared() -> bool:
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    found = re.search(r"^__version__ = '([^']*)", text, re.MULTILINE)
    return found is not None and found[1].startswith(COMPARED)


def _attribute(name: str) -> str:
    return name.rpartition(".")[2]


class _RestFirst(MetaPathFinder):
    """Has the rest imported before anything further of torch, which may take it to be there."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if not name.startswith("torch."):
            return None
        sys.meta_path.remove(self)
        import_the_rest()
        module = sys.modules.get(name)
        if module is None or module.__spec__ is None:
            return None
        # Python goes on with a module's own specification where it is there by now.
        module.__spec__.loader = _Imported(module, module.__spec__)
        return module.__spec__


class _Imported(Loader):
    """Loads a module that is there by now, by leaving it as it is."""

    def __init__(self, module: ModuleType, spec: ModuleSpec) -> None:
        self._module, self._spec, self._loader = module, spec, spec.loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        del module
        self._spec.loader = self._loader


def _make_generators(torch: Any) -> None:
    """Do for torch.Generator what `torch._prims` does, without which none can be made."""
    torch._C._set_generator_metaclass(torch._opaque_base.OpaqueBaseMeta)  # noqa: SLF001


def _import_before_meta_tensors(torch: Any) -> None:
    """Have the rest imported by the first tensor without data, whoever makes it."""
    library = torch.library.Library("aten", "IMPL", "Meta")

    def kernel(name: str) -> Any:
        packet, _, overload = name.partition(".")
        operation = getattr(getattr(torch.ops.aten, packet), overload or "default")

        def begin(*args: Any, **kwargs: Any) -> Any:
            library._destroy()  # noqa: SLF001 - from here on torch's own kernels are there again
            import_the_rest()
            return operation(*args, **kwargs)

        return begin

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it has kernels of its own
        for name in BEGINNINGS:
            library.impl(name, kernel(name))
