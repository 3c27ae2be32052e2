"""Start the warm worker: a fresh interpreter with a clean environment and no path of ours.

The worker's code is handed over as text on its standard input, so that no command line, file
name or open descriptor of it points at the course or at this package.
"""

import contextlib
import json
import os
import site
import socket
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from grader.errors import WorkerError

# Registers each source as a module of a package named `sandbox`, then runs `worker.main`.
BOOTSTRAP = """
import json, sys, types
spec = json.loads(sys.stdin.buffer.read())
sys.path.extend(spec["paths"])
package = types.ModuleType("sandbox")
package.__path__ = []
sys.modules["sandbox"] = package
for name, source in spec["modules"].items():
    module = types.ModuleType("sandbox." + name)
    module.__package__ = "sandbox"
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(source, "<sandbox " + name + ">", "exec"), module.__dict__)
package.worker.main(spec["worker"])
"""

# In the order in which they import one another.
MODULES = ("protocol", "values", "wire", "shell", "instruments", "lockdown", "child", "worker")

# One thread each: a child forked after a two-thread operation of OpenMP hangs in the next one.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A started worker: its process, the judge's end of the control socket, its error output."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    errors: IO[bytes]

    def last_words(self) -> str:
        """Return the end of what the worker printed, for a message to staff."""
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 2_000))
        return self.errors.read().decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """End the worker and everything that it started."""
        self.control.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def import_paths() -> list[str]:
    """Return where packages lie, without what an editable installation adds."""
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if site.ENABLE_USER_SITE:
        places.append(site.getusersitepackages())
    if sys.prefix != sys.base_prefix and _sees_system_packages():
        places.extend(site.getsitepackages([sys.base_prefix]))
    return list(dict.fromkeys(place for place in places if Path(place).is_dir()))


def _sees_system_packages() -> bool:
    with contextlib.suppress(OSError):
        text = (Path(sys.prefix) / "pyvenv.cfg").read_text(encoding="utf-8")
        return "include-system-site-packages = true" in text.lower()
    return False


def clean_environment(home: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a worker; nothing of ours is inherited."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": home + "/.matplotlib",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        **THREADS,
        **(extra or {}),
    }


def module_sources() -> dict[str, str]:
    """Return the source text of everything that runs in a worker."""
    folder = Path(__file__).parent
    return {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}


def start_worker(
    imports: list[str],
    *,
    home: str,
    prefix: list[str],
    lockdown: dict[str, Any],
    environment: dict[str, str] | None = None,
) -> WorkerProcess:
    """Start a worker and hand it its code; `prefix` is the command that isolates it, if any."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the worker is stopped
    spec = {
        "paths": import_paths(),
        "modules": module_sources(),
        "worker": {"control": theirs.fileno(), "imports": imports, "lockdown": lockdown},
    }
    # -S keeps .pth files and editable installations out; -P the working directory.
    command = [*prefix, sys.executable, "-S", "-s", "-P", "-B", "-c", BOOTSTRAP]
    try:
        process = subprocess.Popen(  # noqa: S603 - the interpreter that runs this
            command,
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            cwd=home,
            env=clean_environment(home, environment),
            pass_fds=[theirs.fileno()],
        )
    except OSError as problem:
        raise WorkerError(f"The worker could not be started: {problem}.") from problem
    theirs.close()
    assert process.stdin is not None  # noqa: S101 - it was asked for above
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(spec).encode())
        process.stdin.close()
    return WorkerProcess(process, ours, errors)
