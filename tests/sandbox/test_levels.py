"""Levels, ways in, what each cannot stop, and what is said where one is missing."""

from pathlib import Path

import pytest

from grader.errors import IsolationError
from grader.model import Isolation, IsolationLevel
from grader.sandbox.inside import attempts
from grader.sandbox.launch import make_plan
from grader.sandbox.levels import recipes, tables, view
from grader.sandbox.levels.recipes import recipe
from grader.sandbox.proof import probes


def undone(isolation: Isolation) -> dict[str, str]:
    """Return what disproves a level."""
    findings = {name: isolation.probes[name] for name in probes.demanded(recipe(isolation.level))}
    return {name: finding for name, finding in findings.items() if finding != "ok"}


def test_this_machine_proves_a_level_and_says_what_each_probe_found(isolation: Isolation) -> None:
    assert recipe(isolation.level) in recipes.PROVABLE
    assert undone(isolation) == {}


@pytest.mark.parametrize("devices", [{"cpu"}, {"cpu", "cuda"}], ids=["cpu", "cuda"])
def test_every_way_to_the_level_holds_and_its_mode_for_a_gpu_without_one(
    isolation: Isolation, devices: set[str]
) -> None:
    proved = {
        way: probes.prove(recipe(isolation.level), way, devices=frozenset(devices))
        for way in recipe(isolation.level).ways()
    }
    assert proved
    assert {way: undone(found) for way, found in proved.items()} == {way: {} for way in proved}


def test_a_control_without_isolation_fails_nearly_every_probe() -> None:
    proved = probes.prove(recipes.NONE, recipes.Way.SHARED)
    failed = {name for name in probes.demanded(recipes.STRONG) if proved.probes[name] != "ok"}
    assert {
        "read",
        "stat",
        "write",
        "tcp",
        "udp",
        "unix",
        "abstract",
        "signal",
        "scratch",
    } <= failed


def test_none_is_only_what_was_typed() -> None:
    assert probes.choose_isolation("none") == Isolation(IsolationLevel.NONE)


def test_another_system_is_told_to_use_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(IsolationError, match="Linux container"):
        probes.choose_isolation()


def test_a_failing_probe_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = dict.fromkeys(probes.demanded(recipes.STRONG), "ok") | {"udp": "a datagram got out"}
    monkeypatch.setattr(probes, "prove", lambda level, *_, **__: Isolation(level.name, findings))
    with pytest.raises(IsolationError, match=r"the probe udp of .* failed \(a datagram got out\)"):
        probes.choose_isolation()


def test_an_old_landlock_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "landlock_abi", lambda: 2)
    assert "Linux 6.2" in str(probes._prove_level(recipes.SAME_UID, probes.CPU))


@pytest.mark.parametrize(
    ("release", "command"),
    [("ID=ubuntu\nID_LIKE=debian\n", "apt install"), ('ID="fedora"\n', "dnf install"),
     ("ID=arch\n", "pacman -S"), ("ID=something\n", "your distribution")],
)  # fmt: skip
def test_a_package_is_named_as_the_distribution_installs_it(
    release: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "os-release").write_text(release)
    monkeypatch.setattr(probes, "OS_RELEASE", tmp_path / "os-release")
    assert command in probes._install("bubblewrap")


@pytest.mark.needs("seccomp")
def test_a_path_that_is_missing_does_not_void_the_ruleset(tmp_path: Path) -> None:
    """The default list names folders that no machine has all of, and the probes hold."""
    plan = make_plan(recipes.SAME_UID, recipes.Way.SHARED, folder=tmp_path, cuda=False, uid=None)
    assert any(not Path(path).exists() for path in plan.lockdown.readable)


def test_an_editable_installation_shows_no_folder(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "mine-1.dist-info").mkdir(parents=True)
    for name in ("_editable_mine.pth", "mine-1.dist-info/direct_url.json", "other.py"):
        (packages / name).write_text("/secret/checkout")
    traces = {str(path.relative_to(packages)) for path in view._traces_in(packages)}
    assert traces == {"_editable_mine.pth", "mine-1.dist-info/direct_url.json"}
    assert view._untraced(packages) == ["other.py"]


@pytest.mark.parametrize("level", recipes.PROVABLE, ids=lambda level: level.name)
def test_what_a_level_cannot_stop_is_stated(level: recipes.Level) -> None:
    shown = [gap for gap in level.gaps if gap.attack]
    assert bool(shown) is (level is not recipes.STRONG)


def test_every_level_has_one_recipe_and_they_stand_best_first() -> None:
    named = [level for level in IsolationLevel if level is not IsolationLevel.NOT_JUDGED]
    assert [level.name for level in recipes.LEVELS] == named


def test_every_known_gap_is_a_levels_and_in_the_table() -> None:
    used = {gap for level in recipes.LEVELS for gap in level.gaps}
    assert used == set(recipes.KNOWN_GAPS)


@pytest.mark.parametrize("root", [True, False])
def test_a_level_is_tried_only_by_whom_it_is_for(
    root: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "is_root", lambda: root)
    tried = [level for level in recipes.PROVABLE if level.is_for_this_user()]
    assert tried == [recipes.STRONG, recipes.CONTAINER_UID if root else recipes.SAME_UID]


def test_ways_depend_on_root_and_on_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    way = recipes.Way
    monkeypatch.setattr(recipes, "bubblewrap_program", lambda: "/bin/bwrap")
    monkeypatch.setattr(recipes, "is_root", lambda: True)
    assert recipes.STRONG.ways() == (way.DIRECT,)
    monkeypatch.setattr(recipes, "is_root", lambda: False)
    assert recipes.STRONG.ways() == (way.BUBBLEWRAP, way.DIRECT, way.FLAT)
    assert recipes.SAME_UID.ways() == (way.SHARED,)
    monkeypatch.setattr(recipes, "bubblewrap_program", lambda: None)
    assert recipes.STRONG.ways() == (way.DIRECT,)


def test_a_new_probe_is_demanded_by_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(attempts.PROBES, "teleport", lambda _targets: "it is elsewhere")
    assert all("teleport" in probes.demanded(level) for level in recipes.LEVELS)


def test_a_probe_is_excused_by_name_only() -> None:
    names = {*attempts.PROBES, probes.SCRATCH}
    assert all(level.excused <= names for level in recipes.LEVELS)
    assert set(probes.demanded(recipes.STRONG)) == names


@pytest.mark.parametrize("fallback", [True, False])
def test_the_last_resort_says_what_kept_the_machine_from_better(
    fallback: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prove(level: recipes.Level, way: recipes.Way, **_: object) -> Isolation:
        holds = level is recipes.SAME_UID or not fallback
        finding = "ok" if holds else "a datagram got out"
        found = dict.fromkeys(probes.demanded(level), "ok") | {"udp": finding}
        return Isolation(level.name, found, way=way)

    monkeypatch.setattr(probes, "prove", prove)
    monkeypatch.setattr(probes, "landlock_abi", lambda: recipes.TRUNCATING_LANDLOCK)
    monkeypatch.setattr(recipes, "is_root", lambda: False)
    found = probes.choose_isolation()
    assert found.level == (IsolationLevel.SAME_UID if fallback else IsolationLevel.STRONG)
    assert ("the probe udp of strong failed" in found.warning) is fallback
    assert found.way == ("" if fallback else recipes.STRONG.ways()[0])


def test_the_tables_hold_every_level_and_gap() -> None:
    assert len(tables.levels_table().splitlines()) == 2 + len(recipes.LEVELS)
    assert len(tables.gaps_table().splitlines()) == 2 + len(recipes.KNOWN_GAPS)
