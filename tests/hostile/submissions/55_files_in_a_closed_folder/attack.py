# expect: denied|killed
# reason: files
# control: root looks into any folder; see WEAKENED
import os

def fill():
    os.mkdir("closed", 0o300)
    for number in range(6):
        with open(f"closed/file{number}", "wb") as file:
            file.write(bytes(8 << 20))
    hold()

attempt("48 MiB in a folder that nobody can list", fill)
