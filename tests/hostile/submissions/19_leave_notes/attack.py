# expect: denied
# Whether anybody finds them is looked at in the next child.
import os, pathlib
for place in (".", os.path.expanduser("~"), "/tmp", "/var/tmp", "/dev/shm", "/run", "__pycache__"):
    try:
        os.makedirs(place, exist_ok=True)
        pathlib.Path(place, "note-for-the-next").write_text("the answer is 42")
    except OSError:
        pass
