"""Every attack at every level of this machine, with every invariant looked at after it."""

import attacks
import places
import pytest
from attacks import WITH_CUDA
from conftest import Runs

from grader.sandbox.levels.recipes import KNOWN_GAPS

pytestmark = pytest.mark.long

ALL = attacks.load_all()
# Every place that some machine has: who runs the attacks, and at which level.
LEVELS = ("root-strong", "user-same-uid", "root-container-uid", "user-strong")
CONTROLS = ("user-none",)
NOT_STRONG = tuple(place for place in LEVELS if not place.endswith("strong"))
PARTS = "@{}".format  # each place may be tried by another process
# What stops an attack at every level alike is tried once, at the place that every machine has.
EVERYWHERE = [attack for attack in ALL if attack.once is None]
ONCE = [attack for attack in ALL if attack.once is not None]

# Threats that need more than one child: the judge, a class, files, the machine.
ELSEWHERE = {
    13: ("hostile/test_verdicts.py", "test_13_a_table_of_known_inputs_meets_fresh_ones"),
    14: ("hostile/test_verdicts.py", "test_14_a_stored_public_answer_behind_an_exception_fails"),
    18: ("hostile/test_verdicts.py", "test_18_hidden_inputs_stay_out_of_what_a_student_reads"),
    33: ("grading/test_intake.py", "test_a_file_that_is_no_notebook_is_rejected_with_what_it_is"),
    34: (
        "submissions/test_submissions_hostile.py",
        "test_a_hostile_zip_is_refused_and_the_class_is_collected",
    ),
    35: ("submissions/test_submissions_hostile.py", "test_students_with_any_name_are_kept_apart"),
    36: ("hostile/test_verdicts.py", "test_36_only_the_question_concerned_is_touched"),
    37: ("grading/test_intake.py", "test_another_assignments_notebook_is_rejected_with_its_name"),
    38: ("batch/test_crash.py", "test_a_batch_killed_three_times_ends_as_if_nothing_had_happened"),
    39: (
        "course/test_attention_gpu.py",
        "test_a_device_on_which_the_naive_kernel_works_judges_nobody",
    ),
    40: ("grading/test_control.py", "test_a_test_that_raises_by_itself_is_ungraded_with_its_line"),
    41: (
        "grading/test_careless_tests.py",
        "test_an_answer_that_spoils_what_is_compared_gains_nothing",
    ),
    42: ("grading/test_careless_tests.py", "test_the_order_of_a_class_decides_nothing"),
    43: ("sandbox/test_handover.py", "test_of_the_memory_around_a_view_nothing_is_sent"),
    44: ("sandbox/test_bench.py", "test_what_only_the_students_process_knows_is_worth_nothing"),
    45: (
        "sandbox/test_protocol.py",
        "test_no_exception_of_a_student_says_that_there_is_nothing_more",
    ),
    47: ("testing/test_chain.py", "test_work_that_is_not_done_in_a_call_is_a_wrong_answer"),
    48: ("grading/test_careless_tests.py", "test_a_student_cannot_choose_to_be_ungraded"),
    50: (
        "grading/test_hidden_inputs.py",
        "test_a_question_is_told_of_only_what_a_student_may_read",
    ),
    56: (
        "sandbox/test_bounds.py",
        "test_a_course_where_programs_lie_is_refused_with_the_folder_and_the_next_step",
    ),
    57: ("submissions/test_evidence.py", "test_a_number_in_a_files_name_is_nobodys_identity"),
    58: ("submissions/test_evidence.py", "test_no_name_that_a_student_chooses_turns_the_layout"),
    59: ("submissions/test_evidence.py", "test_a_large_table_of_contents_is_refused_by_its_length"),
    60: ("grading/test_intake.py", "test_what_trips_our_reader_is_rejected_and_never_ungraded"),
    61: ("renderers/test_table.py", "test_markup_and_escapes_in_names_reach_no_terminal"),
    46: ("verify/test_attackers.py", "test_each_attacker_is_named_with_what_it_earns"),
    62: ("release/test_hand_out.py", "test_what_is_hidden_is_left_out"),
    63: ("review/test_review_browser.py", "test_hostile_answers_do_nothing"),
    64: (
        "review/test_review_browser.py",
        "test_another_page_in_the_browser_can_neither_read_nor_write",
    ),
    65: ("review/test_markdown.py", "test_no_answer_takes_long"),
    66: ("grading/test_files_of_tests.py", "test_a_notebook_that_reads_what_hidden_cases_read"),
    67: ("grading/test_files_of_tests.py", "test_nothing_that_a_notebook_wrote_is_unpickled"),
    68: ("sandbox/test_network.py", "test_this_machines_other_ports_stay_closed"),
    69: (
        "hostile/test_evaluated_text.py",
        "test_no_text_of_a_students_does_anything_in_the_judge",
    ),
    74: (
        "hostile/test_opened_files.py",
        "test_no_file_of_the_judges_is_read_by_a_name_of_a_students",
    ),
    75: (
        "hostile/test_evaluated_text.py",
        "test_no_text_of_a_students_does_anything_in_the_judge",
    ),
    76: (
        "hostile/test_evaluated_text.py",
        "test_no_text_of_a_students_does_anything_in_the_judge",
    ),
    77: ("hostile/test_names_of_tests.py", "test_what_a_test_expects_is_not_read_by_its_name"),
    78: ("hostile/test_outside.py", "test_nothing_is_done_by_a_word_of_a_students"),
    79: ("hostile/test_outside.py", "test_a_statement_of_a_students_reads_no_other_database"),
    80: ("hostile/test_outside.py", "test_nobody_learns_whether_a_file_is_there"),
    81: (
        "hostile/test_comparing_methods.py",
        "test_no_operator_of_an_object_says_that_it_is_right",
    ),
    84: ("hostile/test_objects_of_tests.py", "test_no_student_chooses_what_a_test_draws"),
    83: (
        "hostile/test_objects_of_tests.py",
        "test_no_object_of_a_tests_tells_it_what_a_student_chooses",
    ),
    82: (
        "grading/test_otter_cases.py",
        "test_memory_by_a_class_holds_nothing_and_the_class_is_what_it_is",
    ),
    72: ("hostile/test_missing_values.py", "test_what_hides_its_values_is_not_right"),
    71: ("hostile/test_names_of_tests.py", "test_what_a_test_expects_is_not_read_by_its_name"),
    73: (
        "sandbox/test_shared_arrays.py",
        "test_what_a_test_expects_of_a_result_is_not_told_to_whoever_kept_it",
    ),
    70: ("grading/test_own_time.py", "test_what_takes_too_long_in_one_case_ends_the_process"),
}


def test_every_threat_has_an_attack_or_a_test() -> None:
    here = {attack.threat for attack in ALL}
    assert here.isdisjoint(ELSEWHERE)
    listed = attacks.threats()
    assert listed == list(range(1, len(listed) + 1))
    assert here | set(ELSEWHERE) == set(listed)
    for file, name in ELSEWHERE.values():
        assert f"def {name}(" in (places.ROOT / "tests" / file).read_text(encoding="utf-8")


def test_no_place_of_this_machine_is_left_out() -> None:
    here = {str(place) for place in places.find()[0]}
    assert here <= {*LEVELS, *CONTROLS}
    assert places.of_every_machine() in here


def test_what_a_level_decides_is_tried_at_every_level() -> None:
    """Files, processes, the network, the kernel and what a submission may take of the machine."""
    by_level = {6, 12, 16, 17, *range(19, 27), 31, 32, 49, *range(52, 56)}
    assert by_level <= {attack.threat for attack in EVERYWHERE}
    assert by_level.isdisjoint({attack.threat for attack in ONCE})


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
def test_the_level_proves_itself(place: str, runs: Runs) -> None:
    run = runs.of(place)
    assert "error" not in run, run["error"]
    assert run["isolation"]["level"] == place.partition("-")[2]


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
@pytest.mark.parametrize("attack", EVERYWHERE, ids=lambda attack: attack.name)
def test_an_attack_does_no_harm(attack: attacks.Attack, place: str, runs: Runs) -> None:
    result = runs.of(place)["results"].get(attack.name)
    if result is None:  # it would signal every process of whoever runs the tests
        assert attack.name == "22_signal_everybody"
        return
    assert not result["problems"]


@pytest.mark.parametrize("place", [places.of_every_machine()], ids=PARTS)
@pytest.mark.parametrize("attack", ONCE, ids=lambda attack: attack.name)
def test_what_no_level_decides_does_no_harm(attack: attacks.Attack, place: str, runs: Runs) -> None:
    assert not runs.of(place)["results"][attack.name]["problems"]


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
@pytest.mark.parametrize(
    "attack", [a for a in EVERYWHERE if a.threat in WITH_CUDA], ids=lambda attack: attack.name
)
def test_an_attack_does_no_harm_where_a_gpu_is_given(
    attack: attacks.Attack, place: str, runs: Runs
) -> None:
    result = runs.of(place)["results"].get(f"{attack.name}, cuda")
    if result is None:  # as above
        assert attack.name == "22_signal_everybody"
        return
    assert not result["problems"]


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
def test_what_a_gpus_driver_asks_for_is_granted(place: str, runs: Runs) -> None:
    assert runs.of(place)["driver"]["now"] == ""


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
def test_the_driver_would_be_refused_where_a_thread_cannot_be_named(place: str, runs: Runs) -> None:
    assert runs.of(place)["driver"]["without truncating"] == "name a thread: EACCES"


@pytest.mark.parametrize("place", NOT_STRONG, ids=PARTS)
def test_the_driver_would_be_refused_where_no_socket_is_allowed(place: str, runs: Runs) -> None:
    assert runs.of(place)["driver"]["without a socket"] == "connect to a server of many: EPERM"


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
def test_an_attack_succeeds_where_its_protection_alone_is_off(place: str, runs: Runs) -> None:
    run = runs.of(place)["weakened"]
    for name, is_within_reach in run["within reach"].items():
        assert bool(run["succeeded"][name]) == is_within_reach, (name, run["succeeded"][name])


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
def test_a_library_that_asks_who_it_runs_as_gets_an_answer(place: str, runs: Runs) -> None:
    """By name everywhere, by number where /etc is the worker's own; torch._dynamo asks too."""
    by_number = ["notebook", "notebook"] if place.endswith("strong") else None
    assert runs.of(place)["who"] == ["notebook", by_number]


@pytest.mark.parametrize("place", LEVELS, ids=PARTS)
def test_the_judge_stays_small_and_runs_nothing(place: str, runs: Runs) -> None:
    results = runs.of(place)["results"]
    assert not {"memory", "planted"} & set(results)


@pytest.mark.parametrize("place", CONTROLS, ids=PARTS)
@pytest.mark.parametrize(
    "attack", [a for a in ALL if a.control is None], ids=lambda attack: attack.name
)
def test_an_attack_succeeds_where_nothing_protects(
    attack: attacks.Attack, place: str, runs: Runs
) -> None:
    assert not runs.of(place)["results"][attack.name]["problems"]


def test_every_known_gap_has_an_attack_that_shows_it() -> None:
    assert {gap.attack for gap in KNOWN_GAPS} - {""} <= {attack.name for attack in ALL}
