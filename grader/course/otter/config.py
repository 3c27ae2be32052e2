"""`otter_config.json`, key by key: honoured, refused with the reason, or noted; never silence."""

import ast
import json
from collections.abc import Callable, Mapping
from typing import Any

from grader.errors import AssignmentError
from grader.model import OtterRules

NAME = "otter_config.json"
SCRIPT = "run_otter.py"  # older versions of otter wrote the configuration into it
REQUIREMENTS = ("environment.yml", "requirements.txt")  # what is to be installed
SECRET = frozenset({"token", "course_id", "assignment_id"})
# What says how otter itself runs, logs or prints, and decides no score.
WITHOUT_MEANING = frozenset(
    {
        "autograder_dir", "debug", "lang", "log_level", "logo", "miniconda_path", "otter_run",
        "print_score", "print_summary", "zips",
    }
)  # fmt: skip
PDF = frozenset(
    {
        "filtering", "pagebreaks", "pdf", "pdf_via_html", "submit_blank_pdf_on_export_failure",
        "use_submission_pdf", "warn_missing_pdf",
    }
)  # fmt: skip
PLUGINS = {
    "otter.plugins.builtin.GradeOverride": "set scores with `grader override`",
    "otter.plugins.builtin.RateLimiting": "it only makes sense on Gradescope",
}

NO_UPLOAD = "Nothing is uploaded to Gradescope: the configuration's token and ids are not used."
NO_PDF = (
    "No PDF is made: one that a student handed in is copied to pdf/ beside the results; "
    "`otter export` makes others."
)
UNKNOWN = NAME + " has {key!r}, which nothing is known of; it is ignored."
NOT_UNPICKLED = (
    "a log of otter's is a pickle that the student's own process wrote, and nothing of it is "
    "believed here. Take the key out to grade the notebooks themselves."
)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


HONOURED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "seed": (_whole, "a whole number"),
    "seed_variable": (_text, "text"),
    "points_possible": (_number, "a number"),
    "score_threshold": (_number, "a number"),
    "assignment_name": (_text, "text"),
    "show_hidden": (_truth, "true or false"),
    "show_all_public": (_truth, "true or false"),
    "force_public_test_summary": (_truth, "true or false"),
    "show_stdout": (_truth, "true or false"),
}


def parse(content: bytes, name: str = NAME) -> dict[str, Any]:
    """Return a configuration's keys and values; AssignmentError where it is no JSON object."""
    try:
        found = json.loads(content.decode("utf-8-sig") or "{}")
    except (ValueError, RecursionError) as problem:
        raise AssignmentError(f"{name} is not JSON ({problem}); mend it.") from problem
    if not isinstance(found, dict):
        raise AssignmentError(f"{name} holds no table of keys; write {{}} for none.")
    return found


def of_script(content: bytes) -> dict[str, Any]:
    """Return the configuration that an older `run_otter.py` holds as a literal; nothing is run."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="config" | "CONFIG")], value=ast.Dict() as table):
                return _literals(table)
    return {}


def _literals(table: ast.Dict) -> dict[str, Any]:
    found = {}
    for key, value in zip(table.keys, table.values, strict=True):
        try:
            name = ast.literal_eval(key) if key is not None else None
            if isinstance(name, str):
                found[name] = ast.literal_eval(value)
        except (ValueError, TypeError):
            raise AssignmentError(
                f"{SCRIPT}, line {value.lineno}: the configuration is not written in literals; "
                f"write it into {NAME}."
            ) from None
    return found


def rules(config: Mapping[str, Any], *, ignore_plugins: bool = False) -> OtterRules:
    """Return what a configuration asks for; AssignmentError where it cannot be honoured.

    ignore_plugins: go on although a plugin is not run, and have every output say so.
    """
    given = {key: value for key, value in config.items() if value is not None}
    _refuse(given)
    stamps = _without_plugins(given.get("plugins"), ignore_plugins=ignore_plugins)
    honoured = {key: _honoured(key, given[key]) for key in HONOURED if key in given}
    wants_pdf = any(given.get(key) for key in PDF)
    return OtterRules(**honoured, wants_pdf=wants_pdf, notes=_notes(given), stamps=stamps)


def _honoured(key: str, value: Any) -> Any:
    is_right, kind = HONOURED[key]
    if not is_right(value):
        raise AssignmentError(f"{NAME}: {key} must be {kind}, not {value!r:.60}.")
    return value


def _refuse(given: Mapping[str, Any]) -> None:
    language = given.get("lang", "python")
    if language != "python":
        said = str(language).upper() if language == "r" else repr(language)
        raise AssignmentError(
            f"{NAME} says that the assignment is in {said}; only Python is graded here. "
            "Grade it with `otter grade`."
        )
    for key in ("grade_from_log", "serialized_variables"):
        if given.get(key):
            raise AssignmentError(f"{NAME} has {key}: {NOT_UNPICKLED}")


def _without_plugins(plugins: Any, *, ignore_plugins: bool) -> tuple[str, ...]:
    """Return what every output says of plugins that are not run, nothing where there is none."""
    if not plugins:
        return ()
    if not isinstance(plugins, list):
        raise AssignmentError(f"{NAME}: plugins must be a list, not {plugins!r:.60}.")
    names = [name for one in plugins for name in (one if isinstance(one, dict) else [str(one)])]
    listed = ", ".join(dict.fromkeys(names))
    if not ignore_plugins:
        advice = [f"{name}: {PLUGINS[name]}" for name in names if name in PLUGINS]
        hints = f" ({'; '.join(advice)})" if advice else ""
        raise AssignmentError(
            f"{NAME} asks for plugins, which are not run here: {listed}{hints}. "
            "Go on without them by --ignore-plugins."
        )
    return (f"PLUGINS IGNORED: {listed}",)


def secret_notes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the note on keys that `kept` leaves out, nothing where there is none."""
    return (NO_UPLOAD,) if any(config.get(key) is not None for key in SECRET) else ()


def _notes(given: Mapping[str, Any]) -> tuple[str, ...]:
    notes = list(secret_notes(given))
    if any(given.get(key) for key in PDF):
        notes.append(NO_PDF)
    known = {*HONOURED, *SECRET, *WITHOUT_MEANING, *PDF}
    known |= {"plugins", "grade_from_log", "serialized_variables"}
    notes += [UNKNOWN.format(key=key) for key in given if key not in known]
    return tuple(notes)


def kept(config: Mapping[str, Any]) -> bytes:
    """Return a configuration as it may lie on a disk of ours: without what is secret."""
    shown = {key: value for key, value in sorted(config.items()) if key not in SECRET}
    return f"{json.dumps(shown, indent=1, ensure_ascii=False)}\n".encode()
