# expect: denied
import os, pathlib
path = bait["path"]

def read(place):
    with open(place) as file:
        print(file.read())

places = [path, f"/proc/self/root{path}", f"../../../../../../../../..{path}"]
places += [f"/proc/{pid}/{way}" for pid in (bait["judge"], bait["decoy"], 1, os.getppid()) for way in (f"root{path}", "cwd/canary.txt", f"cwd/{path}")]
for place in places:
    attempt(place, lambda: read(place))
attempt("symlink", lambda: (os.symlink(path, "link"), read("link")))
attempt("hardlink", lambda: (os.link(path, "hard"), read("hard")))
attempt("listing", lambda: print(os.listdir(bait["folder"])))
attempt("walking", lambda: bool([print(names) for _, _, names in os.walk(bait["folder"]) if names]))
attempt("home", lambda: os.listdir(bait["home"]))
attempt("checkout", lambda: read(bait["checkout"]))
attempt("rename", lambda: os.rename(path, "mine"))
