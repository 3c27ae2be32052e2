"""What the author of a hidden test may import; nothing else of `grader` is meant for tests.

    from grader.testing import numerics, timing

| module       | what for                                                                       |
|--------------|--------------------------------------------------------------------------------|
| `numerics`   | oracles in float64, derived error bounds, and a mismatch in one sentence       |
| `observe`    | a call's value, and the torch operations and Triton kernels that gave it       |
| `compiled`   | whether those kernels compile for a GPU that is not here, and what they use    |
| `chain`      | many calls in a row from a few numbers, committed to by a few sums: for timing |
| `hints`      | what a student reads of a failed check, beside the promise of its case         |
| `sequential` | random trials, a few at a time, until a right answer can be told from a wrong  |
| `timing`     | the ratio of a student's time to the reference's, by the judge's clock         |

A whole hidden test, in `solutions/<slug>/tests/q1.py`:

    from otter.test_files import test_case
    from grader.testing import numerics, observe
    from grader.testing.hints import hint

    OK_FORMAT = False
    name = "q1"

    @test_case(
        name="wide scores",
        points=1,
        hidden=True,
        failure_message="Scores of any size give finite probabilities; see step 3.",
    )
    def test_wide(my_softmax, reference, rng, device):
        x = torch.from_numpy(30 * rng.standard_normal((4, 9))).to(torch.float16)
        truth = numerics.softmax_truth(x)
        numerics.assert_within_bound(my_softmax(x), truth.expected, truth.bound, what="4 x 9")
        seen = observe.observe(my_softmax, x)
        numerics.assert_within_bound(seen.value, truth.expected, truth.bound, what="its parts")
        with hint("The work is left to torch's own softmax."):
            assert "aten::softmax" not in seen.operations

A case is given what its parameters name: functions and values of the notebook by their names,
`reference` (the module `reference.py`), `rng` (seeded anew for each case), `device` ("cpu" or
"cuda") and `memory` (a dict that the cases of one submission share). A student's function copies
its arguments over and its result back; `observe`, `compiled` and `chain` take it, and a function
of the reference as well. An exception costs the student the case, where the reference does not
meet it too; after a `CannotJudgeError` the reference is judged at once, and the student once more.
What a call changes in place shows in the test's own arrays, lists and dicts until the case is over.
A case that passed with such changes must pass with only those that the reference makes as well, so
a test may compute from what it has handed over. Of an array a child gets the elements, no others.

Whoever fails a hidden case reads its `failure_message`: what the question promises and where to
read of it, in words for students. `grader verify` asks for one in every hidden case. A `hint` adds
what was found; it is a literal, so that no value of an input can travel in it. `feedback = "name"`,
`"promise"` or `"hint"` in `assignment.toml` sets how much of this students see.

Public tests, under `assignments/`, run at home too, where there is no grader: they import nothing
from here.
"""

from grader.errors import CannotJudgeError

__all__ = ["CannotJudgeError"]
