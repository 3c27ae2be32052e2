"""Pictures in an answer: those that came with the notebook, checked once more, and inlined."""

import base64
import binascii
import html
import io
import warnings

from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from grader.reports import Written
from grader.review.markdown import not_shown, render

MOST_BYTES = 4_000_000
MOST_PIXELS = 25_000_000  # of which a browser makes 100 MB
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
KEPT = "picture:"


def answer_html(written: Written) -> Markup:
    """Return an answer as safe HTML: each picture where it stood, or else after the text."""
    text = written.text
    for number, picture in enumerate(written.pictures):
        text = text.replace(f"[{picture.name}]", f"![]({KEPT}{number})")
    left = dict(enumerate(written.pictures))

    def shown(source: str) -> str:
        number = source.removeprefix(KEPT)
        if source.startswith(KEPT) and number.isdecimal() and int(number) in left:
            return _tag(left.pop(int(number)).data)
        return not_shown(f"{source[:100]} is not in the notebook")

    inside = render(text, shown)
    # Each is a tag of ours around data that was checked.
    rest = Markup("").join(Markup(_tag(one.data)) for one in left.values())  # noqa: S704
    return inside + rest


def _tag(data: str) -> str:
    if len(data) > MOST_BYTES * 4 // 3 + 4:
        return not_shown(f"larger than {MOST_BYTES // 1_000_000} MB")
    try:
        content = base64.b64decode(data, validate=False)
        width, height, kind = _examined(content)
    except (binascii.Error, ValueError, UnidentifiedImageError, OSError, SyntaxError) as problem:
        return not_shown(f"no PNG, JPEG, GIF or WebP ({type(problem).__name__})")
    if width * height > MOST_PIXELS:
        return not_shown(f"{width:,} by {height:,} pixels")
    encoded = base64.b64encode(content).decode("ascii")
    return (
        f'<img src="data:{html.escape(kind)};base64,{encoded}" width="{width}" height="{height}" '
        f'alt="A picture of the answer">'
    )


def _examined(content: bytes) -> tuple[int, int, str]:
    """Return width, height and kind from a picture's head; nothing is decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=list(FORMATS)) as image:
                return image.width, image.height, FORMATS[image.format or ""]
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            return MOST_PIXELS, MOST_PIXELS, "image/png"
