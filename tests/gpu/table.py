"""The page of what was measured on a GPU, and the README's paragraph, both made from one JSON."""

import json
import textwrap
from pathlib import Path
from typing import Any

from grader import __version__
from grader.errors import UsageError
from grader.sandbox.proof.probes import OK
from tests.gpu.setup import ROOT
from tests.gpu.steps import AS_EXPECTED, DIFFERS, FAILED, LEFT_OUT

README = ROOT / "README.md"
RESULTS = Path(__file__).with_name("RESULTS.json")
WIDTH = 100
SHOWN, LONGEST = 2, 110  # of what differs, in one cell; the JSON has the whole of it
BEGIN, END = "<!-- gpu -->", "<!-- /gpu -->"
NOTHING = (
    "Nothing was measured on a GPU yet with this version: what needs one has run on a simulated "
    "device only."
)


def refresh(readme: Path = README, results: Path = RESULTS) -> None:
    """Write the page beside the results, and the paragraph between the README's markers.

    UsageError where the README has no markers, or where the results are of a simulated run.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UsageError(f"{readme.name} has no {BEGIN} … {END}; put them where the numbers go.")
    document = read(results)
    results.with_suffix(".md").write_text(render(document) + "\n", encoding="utf-8")
    readme.write_text(f"{before}{BEGIN}\n{summary(document)}\n{END}{after}", encoding="utf-8")


def read(results: Path = RESULTS) -> dict[str, Any] | None:
    """Return what was measured, or None where nothing was, with this version of the grader.

    UsageError where it was measured on no GPU.
    """
    if not results.is_file():
        return None
    document: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    if document["simulated"]:
        raise UsageError(
            f"{results.name} holds a simulated run, of which nothing may stand in the README; "
            "run `python -m tests.gpu` on a machine with a GPU."
        )
    if document["environment"] is None:
        raise UsageError(f"{results.name} says of no machine what it measured; run it whole again.")
    return document if document["grader"] == __version__ else None


def block(readme: str) -> str | None:
    """Return what a README holds between the markers, or None where they are missing."""
    _, begin, rest = readme.partition(BEGIN)
    inside, end, _ = rest.partition(END)
    return inside.strip() if begin and end else None


def summary(document: dict[str, Any] | None) -> str:
    """Return in a paragraph what holds on a GPU, what differs and what was not done."""
    if document is None:
        return NOTHING
    steps = {step["name"]: step for step in document["steps"]}
    said = [item for item in (_levels(steps.get("cuda")), _ratios(steps.get("clock"))) if item]
    said += [_of_those_judged(steps[x]) for x in ("right", "wrong") if _holds(steps.get(x))]
    for word in (DIFFERS, FAILED, LEFT_OUT):
        titles = [step["title"] for step in document["steps"] if step["status"] == word]
        said += [f"{word}: {', '.join(titles)}"] if titles else []
    day, gpu = document["measured"][:10], document["environment"]["gpu"]
    return textwrap.fill(f"On {day}, on an {gpu}: {'; '.join(said)}.", WIDTH)


def _of_those_judged(step: dict[str, Any]) -> str:
    """Return what holds, and of how many nothing is known."""
    unknown = len(step["left_out"])
    return f"{step['title']} ({unknown} left out for time)" if unknown else str(step["title"])


def _holds(step: dict[str, Any] | None) -> bool:
    return step is not None and step["status"] == AS_EXPECTED


def _levels(step: dict[str, Any] | None) -> str:
    found = step["found"] if step else {}
    names = [name.split()[0] for name, item in found.items() if item["cuda"] == OK]
    shown = " and ".join(f"`{name}`" for name in dict.fromkeys(names))
    return f"CUDA works in a student's child at {shown}" if shown else ""


def _ratios(step: dict[str, Any] | None) -> str:
    said = []
    for item in step["found"].get("timings", ()) if step else ():
        sizes = [size for size in item["sizes"] if not size["fault"]]
        if item["factor"] in {1, 2} and sizes:
            ratios = dict.fromkeys(f"{size['ratio']:.3f}" for size in sizes)
            said.append(
                f"{' and '.join(ratios)} for the {item['name']} ({item['factor']} is right)"
            )
    return f"the clock of the speed question says {', '.join(said)}" if said else ""


def render(document: dict[str, Any] | None) -> str:
    """Return the page as Markdown."""
    if document is None:
        return NOTHING
    found = {step["name"]: step["found"] for step in document["steps"]}
    parts = [_head(document), _steps(document["steps"])]
    parts += _speed(found.get("kernel", {}))
    parts += _bounds(found.get("kernel", {}))
    parts += _clock(found.get("clock", {}))
    parts += _class(found.get("class", {}))
    return "\n\n".join(parts)


def _head(document: dict[str, Any]) -> str:
    machine = document["environment"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("torch", "triton", "numpy"))
    runs = len({step["measured"] for step in document["steps"]})
    seconds = sum(step["seconds"] for step in document["steps"])
    several = f", in {runs} runs" if runs > 1 else ""
    return (
        f"`python -m tests.gpu` on {document['measured'][:10]}{several}: {machine['gpu']}, driver "
        f"{machine['driver']}, {document['cores']} cores, Python {machine['python']}, {versions}, "
        f"isolation {document['isolation']['level']}; {seconds:.0f} s in all."
    )


def _steps(steps: list[dict[str, Any]]) -> str:
    rows = []
    for step in steps:
        said = [item for item in (step["error"], *step["problems"]) if item]
        said += [f"left out for time: {name}" for name in step["left_out"]]
        text = "; ".join(_cell(_short(item)) for item in said[:SHOWN])
        if len(said) > SHOWN:
            text += f"; and {len(said) - SHOWN} more in {RESULTS.name}"
        rows.append(
            (step["title"], step["status"], text, f"{step['seconds']:.0f}", step["measured"][:10])
        )
    return _rows(("checked and measured", "came to", "what differs", "s", "on"), rows)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _speed(found: dict[str, Any]) -> list[str]:
    rows = [
        (
            str(row["d"]), "causal" if row["causal"] else "full",
            f"{row['ms']:.3f}", f"{row['tflops']:.0f}",
            _ratio(row["FLASH_ATTENTION"], row["ms"]), _ratio(row["CUDNN_ATTENTION"], row["ms"]),
        )
        for row in found.get("speed", ())
    ]  # fmt: skip
    if not rows:
        return []
    first = found["speed"][0]
    head = (
        f"The reference kernel in float16 with {first['heads']} heads of N = {first['length']}, "
        "L2 cache cleared before each call; how many times as fast as torch's own:"
    )
    return [
        head,
        _rows(("d", "mask", "ms", "TFLOP/s", "flash", "cuDNN"), rows),
    ]


def _ratio(theirs: float | None, ours: float) -> str:
    return "not here" if theirs is None else f"{theirs / ours:.2f}"


def _bounds(found: dict[str, Any]) -> list[str]:
    rows = [(row["dtype"], str(row["d"]), _fixed(row["worst"])) for row in found.get("bounds", ())]
    if not rows:
        return []
    seeds = found["bounds"][0]["seeds"]
    return [
        f"The worst error of {seeds} seeds, as a share of the derived bound:",
        _rows(("dtype", "d", "of the bound"), rows),
    ]


def _fixed(number: float | str) -> str:
    """Return a number with three places; JSON has words for what is no number."""
    return number if isinstance(number, str) else f"{number:.3f}"


def _clock(found: dict[str, Any]) -> list[str]:
    rows = [
        (item["name"], str(item["factor"]), _cell(size["size"]), _timed(size))
        for item in found.get("timings", ())
        for size in item["sizes"]
    ]
    if not rows:
        return []
    return [
        "The clock of the speed question, through the sandbox; the ratio should be the factor:",
        _rows(("timed", "factor", "size", "ratio (its pairs)"), rows),
    ]


def _timed(size: dict[str, Any]) -> str:
    if size["fault"]:
        return _cell(size["fault"])
    return f"{size['ratio']:.3f} ({min(size['pairs']):.3f} to {max(size['pairs']):.3f})"


def _class(found: dict[str, Any]) -> list[str]:
    rows = [
        (slug, str(item["students"]), f"{item['seconds']:.0f}", f"{item['seconds_for_50']:.0f}",
         "; ".join(f"{_cell(part['what'])}: {part['seconds']:.0f} s" for part in item["phases"]))
        for slug, item in found.items()
    ]  # fmt: skip
    if not rows:
        return []
    return [
        "`grader grade` over a class of right notebooks, without the speed question:",
        _rows(("assignment", "notebooks", "s", "s for 50, extrapolated", "phases"), rows),
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _rows(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
