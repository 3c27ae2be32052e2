# expect: denied
import os
attempt("judge by stat", lambda: os.stat(f"/proc/{bait['judge']}"))
attempt("decoy by stat", lambda: os.stat(f"/proc/{bait['decoy']}"))
