"""Hidden tests of the quiz."""

from otter.test_files import test_case

OK_FORMAT = False
name = "q6"
points = None


def check(answer, expected):
    assert type(answer) is type(expected), f"got a {type(answer).__name__}"
    assert answer == expected, f"got {answer!r}"


@test_case(name="the first answer is right", points=0.375, hidden=True)
def test_exp0(quiz_exp0, reference):
    assert isinstance(quiz_exp0, int | float), f"got a {type(quiz_exp0).__name__}"
    assert not isinstance(quiz_exp0, bool), "True is no number here"
    assert quiz_exp0 == reference.quiz_exp0, f"got {quiz_exp0!r}"


@test_case(name="the second answer is right", points=0.375, hidden=True)
def test_fp16_threshold(quiz_fp16_threshold, reference):
    check(quiz_fp16_threshold, reference.quiz_fp16_threshold)


@test_case(name="the third answer is right", points=0.375, hidden=True)
def test_naive_1000(quiz_naive_1000, reference):
    check(quiz_naive_1000, reference.quiz_naive_1000)


@test_case(name="the fourth answer is right", points=0.375, hidden=True)
def test_why_scale(quiz_why_scale, reference):
    check(quiz_why_scale, reference.quiz_why_scale)
