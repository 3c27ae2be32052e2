# expect: denied|killed
# control: nobody but the clean-up minds
import os
for _ in range(300):
    try:
        os.mkdir("d" * 100, 0o700)
        os.chdir("d" * 100)
    except OSError:
        break
open("leaf", "w").close()
os.mkdir("closed", 0)
