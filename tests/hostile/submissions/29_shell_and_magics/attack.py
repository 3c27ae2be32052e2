# expect: denied
# control: a shell command is not run at any level
# once: the judge and the notebook's shell answer them, and start nothing
!echo hello > escaped
%cd /
# %%
%%bash
echo hello > escaped
# %%
%load_ext autoreload
%run nothing.py
# %%
%not_a_magic
# %%
get_ipython().system("echo hello > escaped")
try:
    input("your name? ")
except EOFError as problem:
    print(problem)
# %%
%matplotlib inline
import os
attempt("a shell command", lambda: os.path.exists("escaped"))
# %%
%%time
still_going = 1
# %%
attempt("the magic did not run", lambda: still_going != 1)
