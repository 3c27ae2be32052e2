# expect: denied
import os
attempt("stat", lambda: os.stat(bait["path"]))
attempt("access", lambda: os.access(bait["path"], os.F_OK))
