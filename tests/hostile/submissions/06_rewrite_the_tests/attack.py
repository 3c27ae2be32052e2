# expect: denied
import pathlib
for name in ("tests/q1.py", "hidden.py", "reference.py"):
    target = pathlib.Path(bait["folder"], name)
    attempt(name, lambda: target.write_text("def test_case(*args, **keywords): ..."))
    attempt(name + " in place", lambda: target.open("r+").close())
