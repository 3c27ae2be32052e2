"""The README's two tables of the levels, made from their recipes."""

from .recipes import KNOWN_GAPS, LEVELS


def levels_table() -> str:
    """Return what each level is made of and where it is found, as a table in Markdown."""
    rows = [f"| `{item.name}` | {item.made_of} | {item.found_on} |" for item in LEVELS]
    return "\n".join(["| level | made of | where |", "|---|---|---|", *rows])


def gaps_table() -> str:
    """Return what each level is known not to stop, as a table in Markdown."""
    rows = []
    for gap in KNOWN_GAPS:
        names = ", ".join(level.name for level in LEVELS if gap in level.gaps)
        rows.append(f"| {gap.what} | {names} | {gap.why} |")
    return "\n".join(["| what | at | why |", "|---|---|---|", *rows])
