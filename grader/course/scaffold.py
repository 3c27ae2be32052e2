"""Write a small assignment that is valid from the first minute: `grader new`."""

import re
from importlib import resources
from pathlib import Path

from grader.errors import UsageError

SLUG = re.compile(r"[a-z][a-z0-9-]*\Z")
TEMPLATE = "SLUG"


def write(slug: str, course: Path) -> list[Path]:
    """Write the two folders of a new assignment; UsageError where they exist or are misnamed."""
    if not SLUG.match(slug):
        raise UsageError(f"{slug!r} is no slug; use small letters, digits and hyphens.")
    targets = [course / "assignments" / slug, course / "solutions" / slug]
    for target in targets:
        if target.exists():
            raise UsageError(f"{target} is already there; choose another name or remove it.")
    template = Path(str(resources.files("grader") / "templates" / "new"))
    written = []
    for source in sorted(template.rglob("*.txt")):
        # The files end in .txt so that no tool takes them for ours.
        relative = str(source.relative_to(template)).removesuffix(".txt").replace(TEMPLATE, slug)
        target = course / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8").replace(TEMPLATE, slug)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written
