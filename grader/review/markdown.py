"""A student's Markdown as HTML that can do nothing: no HTML of theirs, no link, no foreign picture.

Formulas become MathML without a network; where one cannot be converted its source is shown.
"""

import html
from collections.abc import Callable, Sequence
from functools import cache
from xml.etree import ElementTree as ET

import latex2mathml.converter
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from grader.renderers.text import lines

LONGEST_FORMULA = 2_000
LONGEST_ADDRESS = 200
MATHML = "http://www.w3.org/1998/Math/MathML"
# MathML's presentation elements, without those that can link, act or hold another language.
ELEMENTS = frozenset(
    [
        "math",
        "menclose",
        "mfrac",
        "mi",
        "mmultiscripts",
        "mn",
        "mo",
        "mover",
        "mpadded",
        "mphantom",
        "mprescripts",
        "mroot",
        "mrow",
        "ms",
        "mspace",
        "msqrt",
        "mstyle",
        "msub",
        "msubsup",
        "msup",
        "mtable",
        "mtd",
        "mtext",
        "mtr",
        "munder",
        "munderover",
        "none",
    ]
)
ATTRIBUTES = frozenset(
    [
        "accent",
        "accentunder",
        "columnalign",
        "columnlines",
        "display",
        "displaystyle",
        "fence",
        "form",
        "linethickness",
        "lspace",
        "mathvariant",
        "maxsize",
        "minsize",
        "movablelimits",
        "notation",
        "rowlines",
        "rspace",
        "scriptlevel",
        "separator",
        "stretchy",
        "symmetric",
        "width",
        "height",
        "depth",
        "voffset",
    ]
)

Picture = Callable[[str], str]  # a source as the student wrote it, to HTML


def _no_picture(source: str) -> str:
    return not_shown(f"{source[:LONGEST_ADDRESS]}: it lies elsewhere")


def not_shown(what: str) -> str:
    """Return what stands in place of a picture."""
    return f'<span class="not-shown">[picture not shown: {html.escape(what)}]</span>'


def render(text: str, picture: Picture = _no_picture) -> Markup:
    """Return safe HTML; `picture` says what becomes of each picture's source."""
    shown = _parser().render(lines(text), {"picture": picture})
    # Made by our renderer below from escaped text alone; the page's policy stands behind it.
    return Markup(shown)  # noqa: S704


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, double_inline=True, allow_space=False)
    for kind, rule in {
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
        "math_inline": _math,
        "math_inline_double": _display_math,
        "math_block": _display_math,
        "math_block_label": _display_math,
        "heading_open": _heading,
        "heading_close": _heading,
        "th_open": _cell,
        "td_open": _cell,
    }.items():
        parser.add_render_rule(kind, rule)
    return parser


def _link_open(
    _self: RendererHTML, _tokens: Sequence[Token], _at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return '<span class="link">'


def _link_close(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: EnvType
) -> str:
    """Say where a link would have led: nobody is to follow one by mistake."""
    depth, address = 0, ""
    for token in reversed(tokens[: at + 1]):
        depth += {"link_close": 1, "link_open": -1}.get(token.type, 0)
        if depth == 0:
            address = str(token.attrs.get("href", ""))
            break
    return f"</span> <code>{html.escape(address[:LONGEST_ADDRESS])}</code>"


def _image(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, env: EnvType
) -> str:
    picture: Picture = env["picture"]
    return picture(str(tokens[at].attrs.get("src", "")))


def _heading(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: EnvType
) -> str:
    """Keep the page's own outline: a student's heading is a line that stands out."""
    return '<p class="heading">' if tokens[at].nesting > 0 else "</p>\n"


def _cell(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: EnvType
) -> str:
    """Leave out the alignment: it is a style in the page, which its policy refuses."""
    return f"<{tokens[at].tag}>"


def _math(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return formula(tokens[at].content, display=False)


def _display_math(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return formula(tokens[at].content, display=True)


def formula(source: str, *, display: bool) -> str:
    """Return a formula as MathML, or its source where it is too long or cannot be converted."""
    kind = "block" if display else "inline"
    if len(source) <= LONGEST_FORMULA:
        try:
            made = latex2mathml.converter.convert(source.strip(), display=kind)
            return ET.tostring(_cleaned(ET.fromstring(made)), encoding="unicode")  # noqa: S314
        except Exception:  # noqa: BLE001 - whatever a student's formula does to the converter
            return f'<code class="formula {kind}">{html.escape(source)}</code>'
    return f'<code class="formula {kind}">{html.escape(source)}</code>'


def _cleaned(element: ET.Element) -> ET.Element:
    """Return a copy of presentation elements and their known attributes; ValueError for others."""
    name = element.tag.removeprefix(f"{{{MATHML}}}")
    if name not in ELEMENTS:
        raise ValueError(f"a formula with <{name}>")
    kept = {key: value for key, value in element.attrib.items() if key in ATTRIBUTES}
    copy = ET.Element(name, kept)
    copy.text, copy.tail = element.text, element.tail
    copy.extend(_cleaned(child) for child in element)
    return copy
