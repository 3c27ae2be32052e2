# expect: denied|killed
# reason: files
import os

def fill():
    for _ in range(60):
        os.mkdir("d" * 100, 0o700)
        os.chdir("d" * 100)
    for number in range(6):
        with open(f"deep{number}", "wb") as file:
            file.write(bytes(8 << 20))
    hold()

attempt("48 MiB at a path of 6,000 characters", fill)
