"""Which packages an otter assignment asks for, and which of those that are imported are missing.

Only what is imported matters: by a test or a module of the assignment, whether it is asked for or
not, or by a student's notebook where the assignment promised it. Whatever else is on the lists, as
otter and a Jupyter server always are, decides no score.
"""

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from grader.course.otter.config import REQUIREMENTS
from grader.model import Assignment

# A line of code, or of a doctest wherever it stands in a literal.
IMPORT = re.compile(
    r"(?:^|>>>|\.\.\.)[ \t]*(?:import[ \t]+(?P<whole>\w[\w., \t]*)"
    r"|from[ \t]+(?P<part>\w[\w.]*)[ \t]+import\b)",
    re.MULTILINE,
)
# Where the module is called otherwise than its distribution.
MODULES = {
    "beautifulsoup4": "bs4",
    "biopython": "Bio",
    "ipython": "IPython",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "python-dateutil": "dateutil",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "umap-learn": "umap",
}
DISTRIBUTIONS = {module: name for name, module in MODULES.items()}
# What takes a tenth of a second or more to import, as every notebook of a class does that uses it.
SLOW = {
    "altair": "altair",
    "babypandas": "babypandas",
    "bs4": "bs4",
    "datascience": "datascience",
    "geopandas": "geopandas",
    "matplotlib": "matplotlib.pyplot",
    "networkx": "networkx",
    "nltk": "nltk",
    "pandas": "pandas",
    "plotly": "plotly.express",
    "requests": "requests",
    "scipy": "scipy",
    "seaborn": "seaborn",
    "skimage": "skimage",
    "sklearn": "sklearn",
    "statsmodels": "statsmodels.api",
    "sympy": "sympy",
    "torch": "torch",
    "xarray": "xarray",
}
SHARE = 4  # a quarter of a class has to use it
CONDA_PIN = re.compile(r"^(?P<name>[\w.-]+)\s*=\s*(?P<version>[\w.*]+)(?:=[\w.*]+)?$")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is missing here, as pip calls it, and what is here in another version than asked."""

    missing: tuple[str, ...]
    other_versions: tuple[str, ...]

    @property
    def command(self) -> str:
        """The line that installs what is missing."""
        return f"pip install {' '.join(self.missing)}"


def asked(folder: Path) -> dict[str, Requirement]:
    """Return what an assignment's lists ask for, by the distribution's normal name."""
    found: dict[str, Requirement] = {}
    for name in REQUIREMENTS:
        path = folder / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            lines = _of_environment(text) if path.suffix == ".yml" else text.splitlines()
            for line in lines:
                requirement = _requirement(line)
                if requirement is not None:
                    found.setdefault(canonicalize_name(requirement.name), requirement)
    return found


def _of_environment(text: str) -> list[str]:
    """Return the lines of a conda environment, its pip section's with them."""
    try:
        stated = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    listed = stated.get("dependencies") if isinstance(stated, dict) else None
    lines: list[str] = []
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            inner = item.get("pip")
            lines += [str(one) for one in inner] if isinstance(inner, list) else []
        else:
            pin = CONDA_PIN.match(str(item).rpartition("::")[2])
            lines.append(f"{pin['name']}=={pin['version']}" if pin else str(item))
    return lines


def _requirement(line: str) -> Requirement | None:
    """Return what a line asks for; None for a comment, an option or another package manager's."""
    bare = line.partition("#")[0].strip()
    try:
        found = Requirement(bare) if bare and not bare.startswith("-") else None
    except InvalidRequirement:
        return None
    if found is None or found.name.lower() in {"python", "pip"}:
        return None
    return found


def imported(texts: Iterable[str]) -> set[str]:
    """Return the modules, by their first name, that some code imports, in doctests as well."""
    found: set[str] = set()
    for text in texts:
        for match in IMPORT.finditer(text.replace("\\n", "\n")):
            names = (match["whole"] or match["part"]).split(",")
            found |= {re.split(r"[. \t]", name.strip())[0] for name in names}
    return found - {""}


def worth_importing_once(notebooks: Iterable[str]) -> tuple[str, ...]:
    """Return the slow modules that many notebooks import and that are here, for a warm worker."""
    found = [imported([text]) for text in notebooks]
    uses = Counter(module for modules in found for module in modules)
    return tuple(
        whole
        for module, whole in SLOW.items()
        if SHARE * uses[module] >= max(len(found), 1) and _is_here(module)
    )


def compare(
    assignment: Assignment, notebooks: Iterable[str] = (), handed_in: Iterable[str] = ()
) -> Comparison:
    """Compare what an assignment and its students' code import with what is installed here.

    notebooks: the code of what students handed in, looked at only where something may be missing.
    handed_in: the names of files beside it, whose modules are no packages.
    """
    lists = asked(assignment.folder)
    promised = {_module(name) for name in lists}
    files = {name: Path(path) for name, path in (*assignment.given, *assignment.withheld)}
    own = {PurePosixPath(name).parts[0].removesuffix(".py") for name in (*files, *handed_in)}
    roots = [root for root in (assignment.folder, assignment.solutions) if root is not None]
    code = [path for root in roots for path in (root / "tests").glob("*.py")]
    code += [path for name, path in files.items() if name.endswith(".py")]
    needed = imported(path.read_text(encoding="utf-8", errors="replace") for path in code)
    absent = {module for module in promised if not _is_here(module)}
    texts = list(notebooks) if absent or not all(map(_is_here, needed)) else []
    if absent:
        needed |= imported(texts) & absent
    missing = sorted(
        module
        for module in needed - own - sys.stdlib_module_names
        if not _is_here(module) and not any(_writes(text, module) for text in texts)
    )
    return Comparison(
        tuple(_asked_as(module, lists) for module in missing), tuple(_other_versions(lists))
    )


def _writes(text: str, module: str) -> bool:
    """Say whether a notebook's code names the file of a module, which it may write."""
    return f"{module}.py" in text or f"{module}/__init__.py" in text


def _module(distribution: str) -> str:
    return MODULES.get(distribution, distribution.replace("-", "_"))


def _distribution(module: str) -> str:
    return canonicalize_name(DISTRIBUTIONS.get(module, module))


def _asked_as(module: str, lists: Mapping[str, Requirement]) -> str:
    """Return a missing module's distribution as a shell takes it, with the version asked for."""
    name = _distribution(module)
    wanted = lists.get(name)
    if wanted is None or not str(wanted.specifier):
        return name
    return f"'{wanted.name}{wanted.specifier}'"


def _is_here(module: str) -> bool:
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _other_versions(lists: Mapping[str, Requirement]) -> Iterable[str]:
    for name, wanted in lists.items():
        if name == "otter-grader":  # whose version is ours to choose
            continue
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield f"{name} {version} (asked for: {wanted.specifier})"
