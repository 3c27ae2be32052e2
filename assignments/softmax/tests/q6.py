from otter.test_files import test_case

OK_FORMAT = False
name = "q6"
points = None


@test_case(name="the first answer is a number", points=0.125, hidden=False)
def test_number(quiz_exp0):
    assert isinstance(quiz_exp0, int | float), (
        f"quiz_exp0 is {quiz_exp0!r}; write your answer as a number."
    )
    assert not isinstance(quiz_exp0, bool), f"quiz_exp0 is {quiz_exp0}; write a number."


@test_case(name="the other answers are letters", points=0.375, hidden=False)
def test_letters(quiz_fp16_threshold, quiz_naive_1000, quiz_why_scale):
    answers = {
        "quiz_fp16_threshold": quiz_fp16_threshold,
        "quiz_naive_1000": quiz_naive_1000,
        "quiz_why_scale": quiz_why_scale,
    }
    for question, answer in answers.items():
        assert isinstance(answer, str), (
            f'{question} is {answer!r}; write your answer as "a", "b", "c" or "d".'
        )
        assert answer in {"a", "b", "c", "d"}, (
            f'{question} is {answer!r}; write your answer as "a", "b", "c" or "d".'
        )
