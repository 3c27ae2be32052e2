"""The page for courses that have otter assignments says of each key what the code does with it."""

from grader.course.otter import config, keys
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / ".github" / "OTTER.md"
BEGIN, END = "<!-- keys -->\n", "<!-- /keys -->"


def table() -> str:
    names = {*config.HONOURED, *config.SECRET, *config.PDF, *config.WITHOUT_MEANING, *keys.REFUSED}
    return f"| key | it is | and |\n|---|---|---|\n{keys.table(names - {'otter_run'})}\n"


def test_the_page_says_what_becomes_of_each_key() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == table(), "`python -m tests.otter.test_page` writes it again"


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")
