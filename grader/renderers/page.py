"""Pages that open from disk: one file each, escaped throughout, allowed to run only our script."""

import base64
import hashlib
import re
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
    environment.globals |= {"glyphs": GLYPHS, "Status": Status, "wording": wording}
    return environment


def compile_templates() -> None:
    """Do ahead what the first page would wait for."""
    for name in pages().list_templates(extensions=["j2"]):
        pages().get_template(name)


def prose(text: str) -> Markup:
    """Return a text by staff, escaped, with what stands between backticks as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(lines(text)))))  # noqa: S704 - escaped


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
