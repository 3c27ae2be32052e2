# expect: denied
# control: a limit of the reader, not of the machine
# once: the judge reads so much and no more
line = "<script>alert(1)</script> \x1b[31m =cmd|' /C calc'!A0 " * 1000
for _ in range(400):
    print(line)
print("x" * 100_000_000)
