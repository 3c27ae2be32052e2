from otter.test_files import test_case

OK_FORMAT = False
name = 'q3'
points = 5

import json
import os

@test_case(points=1)
def test_same_file(config):
    with open("config.json") as file:
        assert json.load(file) == config

@test_case(points=1)
def test_notes_are_there():
    assert os.path.exists("notes.txt")

@test_case(points=1, hidden=True)
def test_written():
    assert os.path.exists("out/result.txt") and open("out/result.txt").read().strip() == "6.5"

@test_case(points=1, hidden=True)
def test_overwritten():
    assert open("notes.txt").read() == "mine"

@test_case(points=1, hidden=True)
def test_against_answers(weights, np):
    np.testing.assert_allclose(weights, np.loadtxt("answers/weights.txt"))
