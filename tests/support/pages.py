"""Pages of one browser's context that tests borrow one after another.

A new page costs three visits of one that is there, and is a new window wherever no other is open.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import BrowserContext, Page

SIZE = {"width": 1280, "height": 900}
SECONDS = 1_000  # milliseconds
PATIENCE = 60 * SECONDS
FORGET = "() => { try { sessionStorage.clear(); } catch { /* none */ } globalThis.name = ''; }"
Listeners = dict[str, Callable[[Any], None]]


class Pages:
    """A context, and those of its pages that nobody uses."""

    def __init__(self, context: BrowserContext) -> None:
        # What a page has kept in its storage, no later one finds.
        context.add_init_script("try { localStorage.clear(); } catch { /* it has none */ }")
        self._context = context
        self._free: list[Page] = []

    @contextlib.contextmanager
    def borrowed(self, listeners: Listeners) -> Iterator[Page]:
        """Lend a page as it is when it is new, and tell these listeners what happens in it.

        A page with which a test has failed is closed.
        """
        page = self._free.pop() if self._free else self._context.new_page()
        page.bring_to_front()  # one that is hidden is slowed down
        page.set_default_timeout(PATIENCE)
        page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light")
        for event, listener in listeners.items():
            page.on(event, listener)  # type: ignore[call-overload]
        try:
            yield page
        except BaseException:
            page.close()
            raise
        page.evaluate(FORGET)
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        page.mouse.move(0, 0)
        page.goto("about:blank")
        self._free.append(page)
