"""A student's Markdown: what is shown, and that nothing of it can act."""

import re
import time

import pytest

from grader.reports import Picture, Written
from grader.review.markdown import render
from grader.review.pictures import answer_html
from tests.support.reading import picture

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "<javascript:alert(1)>",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](https://example.org/x.png)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "![x](data:image/png;base64,PHN2Zy8+)",
    "![x](attachment:none.png)",
    "![x](file:///etc/passwd)",
    "<svg onload=alert(1)>",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$</math><script>alert(1)</script>$",
    "```html\n<script>alert(1)</script>\n```",
    '``` "><script>alert(1)</script>\nx\n```',
    "| a |\n|:-:|\n| <b onclick=alert(1)> |",
    "<style>body{display:none}</style>",
    "<!-- --><iframe src=//x>",
    '[a](<https://x/" onmouseover=alert(1) ">)',
    "# <a id=main>",
]
TAGS = frozenset({
    "p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "table",
    "thead", "tbody", "tr", "th", "td", "s", "span", "math", "mrow", "mi", "mn", "mo",
    "mtext", "mspace",
})  # fmt: skip
ATTRIBUTES = frozenset({"class", "start", "display", "mathvariant", "stretchy", "fence", "form"})


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_it_is_a_link_a_script_or_a_fetch(text: str) -> None:
    html = str(render(text))
    for tag in re.findall(r"<([^>]*)>", html):
        name, *attributes = tag.strip("/ ").split(maxsplit=1)
        assert name in TAGS
        for attribute in re.findall(r"([\w-]+)=", " ".join(attributes)):
            assert attribute in ATTRIBUTES


def test_it_reads_as_it_was_meant() -> None:
    html = str(render("**a** $x^2$ costs $5 and $6\n\n| a |\n|---|\n| 1 |\n\n$$\\frac{1}{n}$$"))
    assert "<strong>a</strong>" in html
    assert "<msup>" in html
    assert "costs $5 and $6" in html
    assert "<td>1</td>" in html
    assert '<math display="block">' in html


def test_a_formula_that_cannot_be_converted_shows_its_source() -> None:
    assert "\\begin{nothing}" in str(render("$\\begin{nothing} x$"))
    assert "x+x+" in str(render(f"${'x+' * 2_000}x$"))


def test_controls_and_directions_are_visible() -> None:
    html = str(render("a\u202eb\x1b[31mred\x07"))
    assert "\\u202e" in html
    assert "\x1b" not in html
    assert "\\x07" in html


@pytest.mark.parametrize("text", ["[" * 20_000, "$a" * 10_000, "![" * 10_000, "`a" * 10_000,
                                  "$x^2$ " * 3_300, "|a" * 9_000 + "\n" + "|-" * 900])  # fmt: skip
def test_no_answer_takes_long(text: str) -> None:
    began = time.process_time()
    render(text[:20_000])
    assert time.process_time() - began < 30  # a second or two where nothing else runs


def with_picture(data: str, text: str = "see [picture 1, a.png]") -> str:
    return str(answer_html(Written(text, (Picture("picture 1, a.png", "image/png", data),))))


def test_a_picture_stands_where_the_answer_has_it_or_else_after_it() -> None:
    assert with_picture(picture()).startswith('<p>see <img src="data:image/png;base64,')
    assert with_picture(picture(), "`[picture 1, a.png]`").count("<img ") == 1
    assert with_picture(picture(), "nothing").count("<img ") == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+PC9zdmc+", "no PNG"),
        ("A" * 6_000_000, "larger than 4 MB"),
        (picture(6_000, 6_000, "JPEG"), "6,000 by 6,000 pixels"),
        ("!!", "no PNG"),
    ],
    ids=["svg", "large", "many pixels", "damaged"],
)
def test_a_picture_that_is_none_or_too_large_is_named_instead(data: str, said: str) -> None:
    html = with_picture(data)
    assert "<img" not in html
    assert said in html


def test_a_picture_that_a_student_only_names_is_not_shown() -> None:
    assert "<img" not in with_picture("!!", "![x](picture:0) ![x](picture:7) ![](picture:-1)")
