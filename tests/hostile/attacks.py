"""The attacks under `submissions/`, and what must come of each.

An attack is notebook source with cells apart by `# %%`. Its first lines say, as comments:
`expect:` the outcomes that are right; `reason:` a pattern for why a child was ended; `input:`
"torch" where the answer is asked with a tensor; `output:` what a cell must print; `control:` why
the attack is not shown to succeed where nothing protects, if it is not; `once:` what stops it,
where that is the same code at every level: it is then tried at one place instead of all.

Before the first cell, `bait` says where the judge's things are, `attempt(name, action)` notes an
action that did not fail, `hold()` keeps what was taken until somebody must have looked, which
takes `patience` seconds, and `answer(x)` is the right one.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "submissions"
PAGE = Path(__file__).with_name("THREATS.md")
HEADER = re.compile(r"^# (expect|reason|input|output|control|once): (.+)$", re.MULTILINE)

# What the settings for a GPU open lies near these threats, which are tried there as well.
WITH_CUDA = frozenset({17, 20, 22})

PRELUDE = """
succeeded = []

def attempt(name, action):
    try:
        if action() is not False:
            succeeded.append(name)
    except Exception:
        pass

patience = globals().get("bait", {}).get("patience", 3.0)

def hold():
    import time
    time.sleep(patience)

def answer(x):
    return x * 2
"""


@dataclass(frozen=True)
class Attack:
    """One hostile notebook."""

    name: str
    source: str
    expect: frozenset[str]
    reason: str
    library: str
    output: str
    control: str | None
    once: str | None

    @property
    def threat(self) -> int:
        return int(self.name.split("_")[0])

    @property
    def cells(self) -> list[str]:
        return [PRELUDE, *re.split(r"^# %%.*\n", self.source, flags=re.MULTILINE)]


def load(folder: Path) -> Attack:
    source = (folder / "attack.py").read_text(encoding="utf-8")
    head = dict(HEADER.findall(source))
    return Attack(
        folder.name,
        source,
        frozenset(head["expect"].split("|")),
        head.get("reason", ""),
        head.get("input", "numpy"),
        head.get("output", ""),
        head.get("control"),
        head.get("once"),
    )


def load_all(only: str | None = None) -> list[Attack]:
    """Return the attacks in the order of their threats, or those whose name contains a text."""
    return [load(folder) for folder in sorted(FOLDER.iterdir()) if (only or "") in folder.name]


def threats() -> list[int]:
    """Return the numbers that the page of threats explains."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [int(found[1]) for line in lines if (found := re.match(r"(\d+)\. \S", line))]
