"""Every attack, at every level that this machine offers, with every invariant looked at after it."""

import attacks
import places
import pytest
from conftest import Runs

from grader.sandbox.isolation import KNOWN_GAPS

ALL = attacks.load_all()
PLACES = places.find()[0]
LEVELS = [str(place) for place in PLACES if place.level != "none"]
CONTROLS = [str(place) for place in PLACES if place.level == "none"]


@pytest.mark.parametrize("place", LEVELS)
def test_the_level_proves_itself(place: str, runs: Runs) -> None:
    run = runs.of(place)
    assert "error" not in run, run["error"]
    assert run["isolation"]["level"] == place.partition("-")[2]


@pytest.mark.parametrize("place", LEVELS)
@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_an_attack_does_no_harm(attack: attacks.Attack, place: str, runs: Runs) -> None:
    result = runs.of(place)["results"].get(attack.name)
    if result is None:  # it would signal every process of whoever runs the tests
        assert attack.name == "22_signal_everybody"
        return
    assert not result["problems"]


@pytest.mark.parametrize("place", LEVELS)
def test_the_judge_stays_small_and_runs_nothing(place: str, runs: Runs) -> None:
    results = runs.of(place)["results"]
    assert not {"memory", "planted"} & set(results)


@pytest.mark.parametrize("place", CONTROLS)
@pytest.mark.parametrize(
    "attack", [a for a in ALL if a.control is None], ids=lambda attack: attack.name
)
def test_an_attack_succeeds_where_nothing_protects(
    attack: attacks.Attack, place: str, runs: Runs
) -> None:
    assert not runs.of(place)["results"][attack.name]["problems"]


def test_every_known_gap_has_an_attack_that_shows_it() -> None:
    assert {gap.attack for gap in KNOWN_GAPS} <= {attack.name for attack in ALL}
