from otter.test_files import test_case

OK_FORMAT = False
name = 'q4'
points = 2

@test_case(points=2, hidden=True)
def test_reads(count_lines):
    with open("three.txt", "w") as file:
        file.write("a\nb\nc\n")
    assert count_lines("notes_of_course.txt") == 2
