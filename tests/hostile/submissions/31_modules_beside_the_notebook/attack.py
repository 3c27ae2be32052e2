# expect: denied
# control: a child has its own folder at every level
import pathlib, sys, site
for name in ("numpy.py", "otter.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "evil.pth"):
    pathlib.Path(name).write_text("import os; open('/tmp/was_imported', 'w')\nraise SystemExit")

class Hook:
    def find_spec(self, *args):
        raise SystemExit

sys.meta_path.insert(0, Hook())
for place in filter(None, sys.path):  # "" is the folder of its own
    attempt(f"plant in {place}", lambda: pathlib.Path(place, "evil_planted.pth").write_text("import os"))
sys.meta_path.pop(0)
