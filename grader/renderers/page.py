"""Pages that open from disk: one file each, escaped throughout, allowed to run only our script."""

import base64
import hashlib
import re
import unicodedata
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from grader import wording
from grader.model import Status
from grader.renderers.text import (
    GLYPHS,
    lines,
    number,
    shown,
)

RIGHT_TO_LEFT = frozenset({"R", "AL"})  # Hebrew and the like, Arabic and the like
CODE = re.compile(r"`([^`\n]+)`")


@cache
def pages() -> Environment:
    """Return the templates; every value is escaped, and a missing one is an error."""
    environment = Environment(
        loader=PackageLoader("grader.renderers", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "lines": lines, "number": number, "prose": prose}
    environment.filters |= {"path": path, "sentence": sentence}
    environment.globals |= {"glyphs": GLYPHS, "Status": Status, "wording": wording}
    return environment


def compile_templates() -> None:
    """Do ahead what the first page would wait for."""
    for name in pages().list_templates(extensions=["j2"]):
        pages().get_template(name)


def prose(text: str) -> Markup:
    """Return a text by staff, escaped, with what stands between backticks as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(lines(text)))))  # noqa: S704 - escaped


def path(text: str) -> Markup:
    """Return a path with its parts from left to right, in whatever direction each is written.

    Between two parts in Hebrew or Arabic letters a slash alone would be taken for theirs.
    """
    parts = (Markup('<bdi dir="ltr">{}</bdi>').format(part) for part in shown(text).split("/"))
    return Markup('<bdi dir="ltr">{}</bdi>').format(Markup("/").join(parts))


def sentence(text: str) -> Markup:
    """Return what we say of a file: from left to right, though it may begin with the file's name.

    Each slash of a path in it is kept in that direction by a mark.
    """
    said = str(escape(lines(text)))
    if any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in text):
        said = said.replace("/", "/&lrm;")
    return Markup(f'<bdi dir="ltr">{said}</bdi>')  # noqa: S704 - escaped


@cache
def asset(name: str) -> Markup:
    """Return a style sheet or script of ours, to be put into a page as it stands."""
    environment = pages()
    if environment.loader is None:
        raise LookupError(name)
    source, _, _ = environment.loader.get_source(environment, name)
    # Ours, not a student's: nothing is ever filled into it, so its hash can be stated below.
    return Markup(source)  # noqa: S704


@cache
def policy(styles: tuple[str, ...], scripts: tuple[str, ...] = ()) -> str:
    """Return a content security policy under which only these assets have any effect.

    Even if a student's text escaped our escaping, the browser would not run it, and would fetch
    nothing from anywhere.
    """
    style = " ".join(_source(name) for name in styles)
    script = " ".join(_source(name) for name in scripts) or "'none'"
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(name: str) -> str:
    digest = hashlib.sha256(asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
