"""Statistics that stop when they know: how often something happens, or how large it is on average.

Some answers can only be judged by many random trials. A number of trials that is fixed beforehand
has to be large enough for the most doubtful answer, and everybody waits for it; most answers are
clear after a third. `Rate` and `Mean` are told of trials, a few at a time, until they know:

    rate = sequential.Rate((0.36, 0.38), below=0.1, above=0.7, most=400)
    while not rate.is_known:
        seed = int(rng.integers(2**31))
        rate.add(share_that_fails(seed, trials=20), 20)
    assert rate.is_right, f"share_that_fails: {rate}"

They are Wald's sequential probability ratio test, one for each side on which an answer can be wrong
(A. Wald, "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16, 1945,
117-186). After each addition the likelihood of all trials if the answer is wrong is divided by that
if it is right. Where the ratio passes (1 - e) / e the answer is wrong, where it falls below
e / (1 - e) it is right on that side, and it is right when it is so on all. A share of at most
e / (1 - e) of right answers is refused on a side, and of wrong ones accepted, in whatever groups
the trials come: the ratio is a martingale, of which this is Ville's inequality. No test with these
error rates needs fewer trials on average (A. Wald and J. Wolfowitz, ibid. 19, 1948, 326-339).

An answer between right and wrong may take long. After `most` trials the likelier of the two counts;
choose it so large that a clear answer is known before: `tests/testing/test_sequential.py` computes
for each case of our own assignments how likely that and each error is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

ERROR = 1e-6
"""The share of right answers that may be refused, and of wrong ones accepted, on all sides."""

Edge = tuple[float, float]
"""Where a right answer ends, and where a wrong one begins."""


@dataclass(slots=True)
class _Side:
    """One of the two ways to be wrong: what a group of trials says of it, and what all have said.

    says: (average, trials) -> the logarithm of their likelihood if wrong, by that if right.
    """

    says: Callable[[float, int], float]
    seen: float = 0.0


class Sequential:
    """What has been seen in the trials so far, and whether that is enough."""

    def __init__(self, right: Edge, sides: list[_Side], most: int, error: float) -> None:
        if not sides:
            raise ValueError("State below, above or both; without them no answer is wrong.")
        self._right = right
        self._sides = sides
        self._most = most
        share = error / len(sides)
        self._limit = math.log((1 - share) / share)
        self._sum = 0.0
        self._impossible: float | None = None
        self.trials = 0

    def add(self, average: float, trials: int = 1) -> None:
        """Take the average, or the share, of some more trials; one that cannot be is wrong."""
        average = float(average)
        if not self._is_possible(average):
            self._impossible = average
            return
        self.trials += trials
        self._sum += average * trials
        for side in self._sides:
            if abs(side.seen) < self._limit:  # what is known of a side is not taken back
                side.seen += side.says(average, trials)

    def _is_possible(self, average: float) -> bool:
        return math.isfinite(average)

    @property
    def is_known(self) -> bool:
        """Whether no more trials are needed."""
        seen = [side.seen for side in self._sides]
        is_clear = max(seen) >= self._limit or all(abs(one) >= self._limit for one in seen)
        return is_clear or self._impossible is not None or self.trials >= self._most

    @property
    def is_right(self) -> bool:
        """Whether a right answer is the likelier one; to be asked once it `is_known`."""
        return self._impossible is None and all(side.seen < 0 for side in self._sides)

    def __str__(self) -> str:
        expected = f"expected {self._right[0]:.4g} to {self._right[1]:.4g}, but for chance"
        if self._impossible is not None:
            return f"{self._impossible:.4g}; {expected}"
        average = self._sum / self.trials if self.trials else math.nan
        return f"{average:.4g} over {self.trials} trials; {expected}"


class Rate(Sequential):
    """How often something happens: independent trials, in each of which it does or does not.

    right: the lowest and the highest rate of a right answer. below, above: from here on outwards
    an answer is wrong; a side without a number is not looked at. `add` takes the share of some
    trials in which it happened. ValueError where the rates do not rise between 0 and 1.
    """

    def __init__(
        self,
        right: Edge,
        *,
        below: float | None = None,
        above: float | None = None,
        most: int,
        error: float = ERROR,
    ) -> None:
        edges = _edges(right, below, above)
        if not all(0 < rate < 1 for edge in edges for rate in edge):
            raise ValueError(f"Rates lie between 0 and 1, unlike one of {edges}.")
        super().__init__(right, [_Side(_bernoulli(edge)) for edge in edges], most, error)

    def _is_possible(self, average: float) -> bool:
        return 0.0 <= average <= 1.0


class Mean(Sequential):
    """How large something is on average over independent trials.

    right, below, above: as for `Rate`. deviation: of one trial. Where trials are not normally
    distributed, take s so large that E exp(t (x - mean)) is at most exp(t² s² / 2) for both
    t = (above - right) / s² and t = (below - right) / s²: nothing else of their distribution
    matters. `add` takes the average of some trials. ValueError where the numbers do not rise.
    """

    def __init__(
        self,
        right: Edge,
        *,
        below: float | None = None,
        above: float | None = None,
        deviation: float,
        most: int,
        error: float = ERROR,
    ) -> None:
        edges = _edges(right, below, above)
        super().__init__(right, [_Side(_normal(edge, deviation)) for edge in edges], most, error)


def _edges(right: Edge, below: float | None, above: float | None) -> list[Edge]:
    low, high = right
    stated = [number for number in (below, low, high, above) if number is not None]
    if stated != sorted(stated) or below == low or high == above:
        raise ValueError(f"{stated} do not rise: below, the two ends of right, above.")
    pairs = ((low, below), (high, above))
    return [(edge, wrong) for edge, wrong in pairs if wrong is not None]


def _bernoulli(edge: Edge) -> Callable[[float, int], float]:
    right, wrong = edge
    happens = math.log(wrong / right)
    does_not = math.log1p(-wrong) - math.log1p(-right)
    return lambda share, trials: trials * (share * happens + (1 - share) * does_not)


def _normal(edge: Edge, deviation: float) -> Callable[[float, int], float]:
    right, wrong = edge
    slope, middle = (wrong - right) / deviation**2, (wrong + right) / 2
    return lambda average, trials: trials * slope * (average - middle)
