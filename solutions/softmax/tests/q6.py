"""Hidden tests of the quiz."""

from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q6"
points = None


def check(answer, expected):
    with hint("The answer is no single letter in quotes."):
        assert type(answer) is type(expected), f"got a {type(answer).__name__}"
    assert answer == expected, f"got {answer!r}"


@test_case(
    name="the first answer is right",
    points=0.375,
    hidden=True,
    failure_message="The value of exp at 0. See step 1.",
)
def test_exp0(quiz_exp0, reference):
    with hint("The answer is no number."):
        assert isinstance(quiz_exp0, int | float), f"got a {type(quiz_exp0).__name__}"
        assert not isinstance(quiz_exp0, bool), "True is no number here"
    with hint(
        "Any number to the power 0 is 1, and so is exp(0). 2.718 is exp(1); 0 is what exp comes "
        "near for very negative scores."
    ):
        assert quiz_exp0 == reference.quiz_exp0, f"got {quiz_exp0!r}"


@test_case(
    name="the second answer is right",
    points=0.375,
    hidden=True,
    failure_message=(
        "The largest score with a finite exp in float16. See “FP16” in step 2, and q1."
    ),
)
def test_fp16_threshold(quiz_fp16_threshold, reference):
    said = f"got {quiz_fp16_threshold!r}"
    with hint("(b) is right: ln(65504) is 11.09. At 5, exp is 148, which FP16 holds with ease."):
        assert quiz_fp16_threshold != "a", said
    with hint("(b) is right: ln(65504) is 11.09. 88 is the edge of FP32 and BF16."):
        assert quiz_fp16_threshold != "c", said
    with hint("(b) is right: ln(65504) is 11.09. 709 is the edge of FP64."):
        assert quiz_fp16_threshold != "d", said
    check(quiz_fp16_threshold, reference.quiz_fp16_threshold)


@test_case(
    name="the third answer is right",
    points=0.375,
    hidden=True,
    failure_message=(
        "What the naive formula gives for scores of 1000. See “The cascade” in step 3."
    ),
)
def test_naive_1000(quiz_naive_1000, reference):
    said = f"got {quiz_naive_1000!r}"
    with hint(
        "(c) is right: exp(1000) is inf in every format, and inf / inf is NaN. (a) is what the "
        "true softmax comes to, and what subtracting the maximum gives."
    ):
        assert quiz_naive_1000 != "a", said
    with hint(
        "(c) is right: exp(1000) is inf in every format, and inf / inf is NaN. (b) would be the "
        "answer for four equal scores that do not overflow."
    ):
        assert quiz_naive_1000 != "b", said
    with hint(
        "(c) is right: exp(1000) is inf in every format, and inf / inf is NaN. Nothing is raised: "
        "NumPy warns at most, torch says nothing."
    ):
        assert quiz_naive_1000 != "d", said
    check(quiz_naive_1000, reference.quiz_naive_1000)


@test_case(
    name="the fourth answer is right",
    points=0.375,
    hidden=True,
    failure_message=(
        "Why attention divides its scores by the square root of d. See “Realistic attention "
        "scores” in step 2."
    ),
)
def test_why_scale(quiz_why_scale, reference):
    said = f"got {quiz_why_scale!r}"
    with hint(
        "(d) is right: both matter. Another number would make scores smaller too, but only the "
        "square root of d brings their variance back to about 1 whatever d is, so (a) is half."
    ):
        assert quiz_why_scale != "a", said
    with hint(
        "(d) is right. Scaled scores are no probabilities: they may be negative, and above 1. The "
        "softmax that follows makes probabilities of them."
    ):
        assert quiz_why_scale != "b", said
    with hint(
        "(d) is right: both matter. The variance comes back to about 1, and that keeps scores "
        "small, which is what exp cares about, so (c) is half."
    ):
        assert quiz_why_scale != "c", said
    check(quiz_why_scale, reference.quiz_why_scale)
