# expect: denied
# control: pip is answered by a message at every level
# output: cannot be installed
# once: a message answers, and pip is told of no index
!pip install something-that-does-not-exist
# %%
%pip install something-that-does-not-exist
# %%
import subprocess, sys
done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-cache-dir", "definitely-not-a-package"], capture_output=True, timeout=20)
attempt("pip", lambda: done.returncode == 0)
