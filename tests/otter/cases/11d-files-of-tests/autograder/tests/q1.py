from otter.test_files import test_case

OK_FORMAT = False
name = 'q1'
points = 3

import os
import tempfile

@test_case(points=1)
def test_written_here(count_lines):
    with open("three.txt", "w") as file:
        file.write("a\nb\nc\n")
    assert count_lines("three.txt") == 3

@test_case(points=1, hidden=True)
def test_written_by_a_function(save):
    save("made.txt", [1, 2])
    assert open("made.txt").read().split() == ["1", "2"]
    os.remove("made.txt")

@test_case(points=1, hidden=True)
def test_in_a_temporary_folder(count_lines):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "two.txt")
        with open(path, "w") as file:
            file.write("a\nb\n")
        assert count_lines(path) == 2
