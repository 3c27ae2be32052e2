"""The pages of the lessons in a real browser: their arithmetic against torch, and their use.

One browser serves the whole module, and each format is compared in a few calls.
"""

import base64
import contextlib
import html
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from IPython.display import HTML
from playwright.sync_api import Page

from grader.course.assignments import load
from grader.release import student
from tests.conftest import REPOSITORY
from tests.support.pages import Listeners, Pages

pytestmark = pytest.mark.long

PAGE = REPOSITORY / "assignments" / "softmax" / "softmax.html"
STEPPER = REPOSITORY / "assignments" / "attention" / "attention.html"
HALVES = ("float16", "bfloat16")
FORMATS = (*HALVES, "float32", "float64")
BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
ROWS = 100

# Numbers travel as the bytes of float64, which keeps NaN, -0 and the time short.
ON_EACH = """([format, name, data]) => {
    const one = {
        round: (x) => roundTo(format, x),
        exp: (x) => softmaxIn(format, [x], [1]).exps[0],
    }[name];
    const x = new Float64Array(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
    const bytes = new Uint8Array(x.map(one).buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
        text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return btoa(text);
}"""
ON_ROWS = """([format, rows]) => rows.map(([scores, counts, options]) => {
    return softmaxIn(format, scores, counts, options);
})"""


@pytest.fixture(scope="module")
def page(pages: Pages) -> Iterator[Page]:
    with pages.borrowed({}) as opened:
        opened.goto(PAGE.as_uri())
        yield opened


@pytest.fixture
def visit(pages: Pages) -> Iterator[Callable[..., tuple[Page, list[str]]]]:
    """Open the page in a state, and collect whatever it complains about or asks for."""
    stack = contextlib.ExitStack()

    def open_it(
        state: str = "",
        width: int = 1200,
        scheme: Literal["light", "dark"] = "light",
        path: Path = PAGE,
    ) -> Any:
        trouble: list[str] = []
        listeners: Listeners = {
            "console": lambda message: trouble.append(message.text),
            "pageerror": lambda error: trouble.append(str(error)),
            "request": lambda asked: trouble.extend(filter(foreign, [asked.url])),
        }
        opened = stack.enter_context(pages.borrowed(listeners))
        opened.set_viewport_size({"width": width, "height": 800})
        opened.emulate_media(color_scheme=scheme)
        opened.goto(path.as_uri() + state)
        return opened, trouble

    with stack:
        yield open_it


def foreign(url: str) -> bool:
    return not url.startswith(("file:", "data:"))


def on_each(page: Page, name: str, format_: str, values: torch.Tensor) -> torch.Tensor:
    data = base64.b64encode(values.double().numpy().tobytes()).decode()
    answer = base64.b64decode(page.evaluate(ON_EACH, [format_, name, data]))
    return torch.from_numpy(np.frombuffer(answer, dtype=np.float64).copy())


def values_of(format_: str) -> torch.Tensor:
    """Return every value of a short format, and for a long one many of every size."""
    dtype = getattr(torch, format_)
    if format_ in HALVES:
        return torch.arange(-(2**15), 2**15).to(torch.int16).view(dtype)
    generator = torch.Generator().manual_seed(5)
    info = torch.iinfo(BITS[dtype.itemsize])
    patterns = torch.randint(info.min, info.max, (8_000,), generator=generator)
    span = 120 if format_ == "float32" else 760
    near = torch.empty(8_000, dtype=torch.float64).uniform_(-span, span, generator=generator)
    return torch.cat([patterns.to(BITS[dtype.itemsize]).view(dtype), near.to(dtype)])


def ulps_apart(got: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Return how many values of their dtype lie between two tensors, NaN equal to NaN."""
    bits = BITS[expected.dtype.itemsize]
    one, other = (torch.where(x.isnan(), torch.nan, x).view(bits).long() for x in (got, expected))
    sign = torch.iinfo(bits).min
    ordered = [torch.where(x < 0, sign - x, x) for x in (one, other)]
    return (ordered[0] - ordered[1]).abs()


def assert_rounds_as_torch(page: Page, format_: str, given: torch.Tensor) -> None:
    dtype = getattr(torch, format_)
    got = on_each(page, "round", format_, given)
    assert ulps_apart(got.to(dtype), given.to(dtype)).max() == 0
    assert torch.equal(got.to(dtype).double().nan_to_num(7), got.nan_to_num(7))  # it holds them


@pytest.mark.parametrize("format_", FORMATS)
def test_the_page_rounds_as_torch_does(page: Page, format_: str) -> None:
    # Half-way between neighbours, a hair beside it, and across the whole range.
    values = values_of(format_).double()
    ties = values[1:] / 2 + values[:-1] / 2
    sizes = torch.arange(8_000) % 340 - 170
    wide = torch.ldexp(torch.rand(8_000, dtype=torch.float64) - 0.5, sizes)
    inf = torch.tensor(math.inf, dtype=torch.float64)
    near = torch.cat([ties, ties.nextafter(inf), ties.nextafter(-inf)])
    assert_rounds_as_torch(page, format_, torch.cat([values, wide, near]))
    zeros = torch.tensor([0.0, -0.0, 1e-300, -1e-300], dtype=torch.float64)
    signs = on_each(page, "round", format_, zeros).signbit()
    assert signs.tolist() == [False, True, False, True]


@pytest.mark.parametrize("format_", FORMATS)
def test_the_pages_exp_is_torchs(page: Page, format_: str) -> None:
    """Exactly, in the short formats; within one unit in the last place where libraries differ."""
    values = values_of(format_)
    got = on_each(page, "exp", format_, values).to(values.dtype)
    expected = values.exp()
    assert len(values) > 10_000
    assert ulps_apart(got, expected).max() <= (0 if format_ in HALVES else 1)
    assert torch.equal(got.isinf(), expected.isinf())
    assert torch.equal(got == 0, expected == 0)


def some_rows(format_: str) -> list[tuple[list[float], list[int], dict[str, bool]]]:
    generator = np.random.default_rng(11)
    span = {"float16": 14, "float64": 750}.get(format_, 95)
    rows = []
    for _ in range(ROWS):
        length = int(generator.integers(1, 9))
        scores = generator.uniform(-span, span, length) * generator.choice([0.1, 1.0])
        counts = generator.choice([1, 1, 2, 40], length)
        options = {"subtract": bool(generator.integers(2)), "each": bool(generator.integers(2))}
        rows.append((scores.tolist(), counts.tolist(), options))
    return [*rows, ([0.0, -math.inf], [1, 1], {}), ([-math.inf] * 2, [1, 1], {"subtract": True})]


@pytest.mark.parametrize("format_", FORMATS)
def test_each_step_of_a_row_is_torchs(page: Page, format_: str) -> None:
    dtype = getattr(torch, format_)
    rows = some_rows(format_)
    results = page.evaluate(ON_ROWS, [format_, [list(row) for row in rows]])
    seen = set()
    for (scores, counts, options), result in zip(rows, results, strict=True):
        stored, shifted, exps, probabilities = (
            torch.tensor(result[name], dtype=dtype)
            for name in ("stored", "shifted", "exps", "probabilities")
        )
        assert torch.equal(stored, torch.tensor(scores, dtype=torch.float64).to(dtype))
        wanted = stored - stored.max() if options.get("subtract") else stored
        assert torch.equal(shifted.nan_to_num(7), wanted.nan_to_num(7))
        assert ulps_apart(exps, shifted.exp()).max() <= (0 if format_ in HALVES else 1)
        row = exps.repeat_interleave(torch.tensor(counts))
        total = torch.tensor(result["sum"], dtype=dtype)
        assert ulps_apart(total, torch_sum(row, each=options.get("each", False))) == 0
        assert ulps_apart(probabilities, exps / total).max() == 0
        seen.add((bool(total.isinf()), bool(probabilities.isnan().any())))
    assert {(False, False), (True, True), (False, True)} <= seen


def torch_sum(row: torch.Tensor, *, each: bool) -> torch.Tensor:
    """Return a row's sum: in its dtype after each addition, or added wider and rounded once."""
    if each or row.dtype is torch.float64:
        return list(accumulate(row))[-1]
    wide = row.double()
    return (wide.sum() if wide.isfinite().all() else list(accumulate(wide))[-1]).to(row.dtype)


@pytest.mark.parametrize("format_", HALVES)
def test_a_sum_rounded_once_is_torchs_own(page: Page, format_: str) -> None:
    """Torch adds in float32, which now and then decides a tie."""
    dtype = getattr(torch, format_)
    rows = [(scores, counts, {"subtract": True}) for scores, counts, _ in some_rows(format_)[:ROWS]]
    results = page.evaluate(ON_ROWS, [format_, [list(row) for row in rows]])
    apart = []
    for (_, counts, _), result in zip(rows, results, strict=True):
        row = torch.tensor(result["exps"], dtype=dtype).repeat_interleave(torch.tensor(counts))
        apart.append(int(ulps_apart(torch.tensor(result["sum"], dtype=dtype), row.sum())))
    assert max(apart) <= 1
    assert sum(apart) <= ROWS // 50


@pytest.mark.parametrize("damage", ["FORMATS.float16.low = -100", "FORMATS.float16.max = 1e9"])
def test_wrong_arithmetic_is_noticed(visit: Callable[..., Any], damage: str) -> None:
    """The control of the comparisons: without subnormals or a ceiling they fail."""
    opened, _ = visit()
    given = torch.tensor([3e-7, 1.0, 7e4], dtype=torch.float64)
    assert_rounds_as_torch(opened, "float16", given)
    opened.evaluate(damage)
    with pytest.raises(AssertionError):
        assert_rounds_as_torch(opened, "float16", given)


# What a state shows at once; what is said to screen readers waits until nothing moves.
SPOTS = ("#verdict", "table", "#scale-text", "#sum-hint")
# What each preset must show: the headline.
PRESETS = {
    "Four words": "All is well.",
    "Amplification: 10 beside 5": "All is well.",
    "A mask of \N{MINUS SIGN}10⁹": "All is well.",
    "One score of 1000": "exp overflows.",
    "The edge of float16": "exp overflows.",
    "The edge of bfloat16": "exp overflows.",
    "A cascade from 100": "exp overflows.",
    "All at \N{MINUS SIGN}1000": "Every exp vanishes.",
    "Everything masked": "NaN before exp.",
    "Two elevens": "The sum overflows, and nobody says so.",
    "64 sevens": "The sum overflows, and nobody says so.",
    "1,024 tokens at 4.2": "The sum overflows, and nobody says so.",
    "The small ones vanish": "Finite, and wrong.",
    "A loop that stalls at 2048": "The sum stalls at 2,048.",
    "1000, less the maximum": "All is well.",
    "65,520 equal scores": "The sum overflows, and nobody says so.",
}


def shown(opened: Page) -> list[str]:
    return [opened.locator(spot).inner_text() for spot in SPOTS]


def test_each_preset_shows_what_it_is_named_for_and_a_link_shows_it_again(
    visit: Callable[..., Any],
) -> None:
    opened, trouble = visit()
    buttons = opened.locator("#presets button")
    assert buttons.all_inner_texts() == list(PRESETS)
    links = {}
    for n, headline in enumerate(PRESETS.values()):
        buttons.nth(n).click()
        assert opened.locator("#verdict strong").inner_text() == headline
        assert opened.locator("#presets [aria-pressed=true]").count() == 1
        if n % 3 == 0:  # a link holds the state, of whichever preset
            links[opened.evaluate("location.hash")] = shown(opened)
    for link, before in links.items():
        opened.goto("about:blank")  # so that the link is opened, and not only its hash changed
        opened.goto(PAGE.as_uri() + link)
        assert shown(opened) == before
    assert len(links) == 6
    assert trouble == []


def test_the_edges_that_the_ruler_draws_are_the_formats_own(page: Page) -> None:
    for format_ in FORMATS:
        edge, gone = page.evaluate("(name) => [FORMATS[name].edge, FORMATS[name].gone]", format_)
        dtype = getattr(torch, format_)
        for value, end in ((edge, math.inf), (gone, 0.0)):
            last = torch.tensor(value, dtype=dtype)
            bits = BITS[dtype.itemsize]
            following = (last.view(bits) + 1).view(dtype)  # away from zero
            assert last.exp() != end
            assert following.exp() == end


def test_it_is_used_by_keyboard_alone(visit: Callable[..., Any]) -> None:
    opened, trouble = visit("#format=float16&x=11,0")
    reached = set()
    for _ in range(60):
        opened.keyboard.press("Tab")
        name = opened.evaluate(
            "(() => { const e = document.activeElement;"
            " return e.ariaLabel || e.id || e.textContent; })()"
        )
        if name in reached and name == "Try these":
            break
        reached.add(name)
        if name == "score 1, slider":
            opened.keyboard.press("ArrowRight")
            opened.locator("#verdict strong", has_text="exp overflows.").wait_for()
        if name == "subtract":
            opened.keyboard.press("Space")
            assert opened.locator("#subtract").is_checked()
            opened.keyboard.press("Space")
    assert {"row", "score 2", "score 2, slider", "more", "fewer", "copy", "64 sevens"} <= reached
    opened.locator("[name=format][value=float16]").focus()
    opened.keyboard.press("ArrowRight")
    assert opened.locator("[name=format][value=bfloat16]").is_checked()
    opened.locator("#said", has_text="All is well.").wait_for(state="attached")  # for readers
    assert trouble == []


def test_what_is_no_row_is_said_and_changes_nothing(visit: Callable[..., Any]) -> None:
    opened, trouble = visit("#format=float32&x=1,2")
    for text, said in (
        ("1, two", "“two” is no number"),
        ("7*0", "1 or more"),
        ("0*9999999", "at most 131,072"),
        ("", "at least one score"),
    ):
        opened.locator("#row").fill(text)
        assert said in opened.locator("#row-hint").inner_text()
        assert opened.locator("#row").get_attribute("aria-invalid") == "true"
        assert opened.locator("#scores tr").count() == 2
    opened.locator("#row").fill("[ 7 * 64 ; \N{MINUS SIGN}1e9 ]")
    assert opened.evaluate("[state.scores, state.counts]") == [[7, -1e9], [64, 1]]
    broken, more = visit("#format=float8&x=<img src=x>&sum=3")
    assert broken.locator("#verdict strong").inner_text() == "All is well."
    assert broken.locator("img").count() == 0
    assert trouble + more == []


@pytest.mark.parametrize(
    ("path", "state"),
    [
        (PAGE, "#format=float16&x=-17,-17.5,-16.5,1000&max=1"),
        (STEPPER, "#step=4&keepAcc=1&causal=1&i=1&j=3"),
    ],
    ids=["softmax", "attention"],
)
def test_it_passes_an_accessibility_check_and_nothing_is_cut_off(
    visit: Callable[..., Any], path: Path, state: str
) -> None:
    opened, trouble = visit(state, 360, "light", path)
    assert violations(opened) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    # What a theme decides is colours, and what a width decides is whether something is cut off.
    opened.set_viewport_size({"width": 1200, "height": 800})
    opened.emulate_media(color_scheme="dark")
    assert violations(opened, runOnly=["color-contrast", "link-in-text-block"]) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= 1200
    assert trouble == []


def violations(opened: Page, **options: list[str]) -> list[str]:
    wanted = {"resultTypes": ["violations"], **options}
    found = Axe().run(opened, options=wanted).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


# The page of the attention lesson.


def test_the_stepper_walks_as_torch_does_in_float32(visit: Callable[..., Any]) -> None:
    opened, trouble = visit(path=STEPPER)
    generator = np.random.default_rng(3)
    walks: list[tuple[list[float], list[float], int]] = []
    for _ in range(60):
        length, size = int(generator.integers(1, 25)), int(generator.integers(1, 9))
        scores = generator.normal(0, 20, length)
        scores[generator.random(length) < 0.2] = -math.inf
        walks.append((scores.tolist(), generator.normal(0, 3, length).tolist(), size))
    found = opened.evaluate("(walks) => walks.map((one) => walk(...one))", walks)
    for (scores, values, size), states in zip(walks, found, strict=True):
        x, v = torch.tensor(scores), torch.tensor(values)
        assert [state["to"] for state in states[1:]] == [*range(size, len(x), size), len(x)]
        for state in states:
            m = x[: state["to"]].max().item() if state["to"] else -math.inf
            weights = torch.exp(x - m)[: state["to"]] if math.isfinite(m) else torch.zeros(1)
            terms = weights * (v[: state["to"]] if math.isfinite(m) else torch.zeros(1))
            assert state["m"] == m
            assert state["l"] == pytest.approx(weights.sum().item(), rel=1e-5)
            room = 1e-5 * terms.abs().sum().item()
            assert state["acc"] == pytest.approx(terms.sum().item(), rel=0, abs=room)
    forgotten = opened.evaluate("walk([0, 3], [1, 1], 1, { keepSum: true }).at(-1).l")
    assert forgotten == pytest.approx(2)
    assert trouble == []


def test_the_lanes_of_a_tile_are_those_that_the_contract_says(visit: Callable[..., Any]) -> None:
    opened, _ = visit(path=STEPPER)
    for m, n, bm, bn, causal in (
        (100, 257, 64, 64, False),
        (100, 257, 64, 32, True),
        (96, 32, 32, 16, True),
        (1, 1, 16, 16, True),
    ):
        rows, keys = torch.arange(-(-m // bm) * bm)[:, None], torch.arange(-(-n // bn) * bn)
        there = (rows < m) & (keys < n)
        seen = there & (keys <= rows + n - m) if causal else there
        shape = {"m": m, "n": n, "bm": bm, "bn": bn, "causal": causal}
        for i in range(-(-m // bm)):
            for j in range(-(-n // bn)):
                tile = opened.evaluate("([shape, i, j]) => lanesOf(shape, i, j)", [shape, i, j])
                place = slice(i * bm, (i + 1) * bm), slice(j * bn, (j + 1) * bn)
                kinds = np.array(tile["rows"])
                assert np.array_equal(kinds == "counts", seen[place].numpy())
                assert np.array_equal(kinds == "absent", ~there[place].numpy())
                assert tile["counts"]["counts"] == int(seen[place].sum())


def test_the_stepper_is_used_by_keyboard_and_says_what_happens(visit: Callable[..., Any]) -> None:
    opened, trouble = visit("#x=1,3,5,2,-inf,-inf&size=2", path=STEPPER)
    said = opened.locator("#said")
    opened.locator("#next").focus()
    for words in ("first maximum is 3", "rises from 3 to 5", "The maximum stays 5"):
        opened.keyboard.press("Enter")
        assert words in said.inner_text()
    assert opened.locator("#next").is_disabled()
    opened.locator("#keep-acc").focus()
    opened.keyboard.press("Space")
    assert "should be" in said.inner_text()
    opened.locator("#n").fill("70")
    opened.locator("#j").focus()
    opened.keyboard.press("ArrowRight")
    assert "Tile (0, 1)" in opened.locator("#tile-text").inner_text()
    opened.locator("#n").fill("seventy")
    assert "whole number" in opened.locator("#shape-complaint").inner_text()
    again, _ = visit(opened.evaluate("location.hash"), path=STEPPER)
    assert again.locator("#said").inner_text() == said.inner_text()
    assert again.locator("#tile-text").inner_text() == opened.locator("#tile-text").inner_text()
    assert trouble == []


def cell_of(content: bytes, identity: str) -> str:
    cells = json.loads(content)["cells"]
    return next("".join(cell["source"]) for cell in cells if cell["id"] == identity)


@pytest.mark.parametrize("path", [PAGE, STEPPER], ids=lambda path: path.name)
def test_students_get_the_page_also_where_they_have_one_notebook_only(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = load(path.stem, REPOSITORY)
    released = student.notebook(assignment)
    archive = zipfile.ZipFile(io.BytesIO(student.archive(assignment, released)))
    assert archive.read(f"{path.stem}/{path.name}") == path.read_bytes()
    monkeypatch.chdir(tmp_path)
    exec(cell_of(released, "public-tests"), {})  # noqa: S102
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("path", "state", "spot", "before", "after"),
    [
        (PAGE, "#format=float16&x=7*64", "#verdict", "The sum overflows", "All is well"),
        (STEPPER, "#step=2", "#said", "rises from 3 to 5", "The first maximum is 3"),
    ],
    ids=["softmax", "attention"],
)
def test_a_cell_of_the_notebook_shows_the_page_without_a_kernel(
    visit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    path: Path, state: str, spot: str, before: str, after: str,
) -> None:  # fmt: skip
    """What the cell puts into the notebook goes on working when only the saved file is left."""
    shown: list[HTML] = []
    names = {"Path": Path, "html": html, "HTML": HTML, "display": shown.append, "state": state}
    source = cell_of(load(path.stem, REPOSITORY).notebook.read_bytes(), "page")
    monkeypatch.chdir(path.parent)
    exec(source + "\nshow_page(state)", names)  # noqa: S102
    saved = tmp_path / "saved.html"
    saved.write_text(f"<meta charset=utf-8>{shown[-1].data}", "utf-8")
    opened, trouble = visit()
    opened.goto(saved.as_uri())
    frame = opened.frame_locator("iframe")
    frame.locator(spot, has_text=before).wait_for()
    frame.locator("input[type=range]").first.press("ArrowLeft")
    frame.locator(spot, has_text=after).wait_for()
    assert trouble == []
    monkeypatch.chdir(tmp_path)
    exec(source, names)  # noqa: S102  (without the page it says so)
    assert len(shown) == 2
