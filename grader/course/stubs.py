"""What the stubs of a hand-out say when they are called before anybody has written them."""

import ast
from collections.abc import Iterator

from grader.course import notebooks
from grader.model import Assignment


def unwritten(assignment: Assignment) -> dict[str, tuple[str, str]]:
    """Return by a stub's words, the text of its NotImplementedError, its question and its name."""
    question_of = {name: item.name for item in assignment.questions for name in item.names}
    sources = notebooks.stub_sources(assignment.notebook.read_bytes(), question_of)
    return {
        said: (question_of[name], name)
        for name, source in sources.items()
        for said in _raised_texts(source)
    }


def _raised_texts(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Raise(
                exc=ast.Call(
                    func=ast.Name(id="NotImplementedError"), args=[ast.Constant(value=str(said))]
                )
            ):
                yield said
