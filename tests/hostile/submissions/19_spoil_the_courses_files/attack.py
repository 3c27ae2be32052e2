# expect: denied
# Its own copies it may spoil; whether the next child has others is looked at there.
import os, pathlib, shutil
for name in ("helpers.py", "data/words.txt"):
    pathlib.Path(name).write_text("raise SystemExit('spoilt')")
shutil.rmtree("data")
os.symlink("/", "data")
for place in (pathlib.Path("/files"), pathlib.Path.cwd().parent / "files"):
    attempt(f"list {place}", lambda: os.listdir(place))
    attempt(f"read {place}", lambda: (place / "helpers.py").read_text())
    attempt(f"write {place}", lambda: (place / "helpers.py").open("a").write("raise SystemExit"))
    attempt(f"add to {place}", lambda: (place / "more.py").write_text("x = 1"))
    attempt(f"rename {place}", lambda: place.rename(place.with_name("gone")).rename(place))
