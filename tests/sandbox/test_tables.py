"""Tables of the packages that first courses use, both ways, and what a call changes of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grader.sandbox.wire import kinds, nodes
from tests.support.crossing import crossed, decoded, made, numbers
from tests.support.in_thread import notebook


@pytest.fixture
def datascience() -> Any:
    with np.printoptions():
        return pytest.importorskip("datascience")


@pytest.fixture
def babypandas() -> Any:
    return pytest.importorskip("babypandas")


def boats(datascience: Any) -> Any:
    return datascience.Table().with_columns(
        "boat", np.array(["Auk", "Ibis"]), "length", np.array([12, 4]),
        "crew", np.array([["a"], None], object),
    )  # fmt: skip


@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_a_table_crosses_as_it_is(datascience: Any, as_argument: bool) -> None:
    table = boats(datascience)
    back = crossed(table, as_argument=as_argument)
    assert type(back) is datascience.Table
    assert back.labels == table.labels
    assert str(back) == str(table)
    for label in table.labels:
        assert back.column(label).dtype == table.column(label).dtype
        assert back.column(label).tolist() == table.column(label).tolist()
    assert back.where("length", datascience.are.above(5)).num_rows == 1


def test_a_table_without_columns_or_rows_crosses_as_well(datascience: Any) -> None:
    assert crossed(datascience.Table()).num_columns == 0
    assert crossed(datascience.Table(["a", "b"])).labels == ("a", "b")
    assert crossed(boats(datascience).take([])).num_rows == 0


def test_a_subclass_of_a_table_is_read_at_its_labels_and_columns(datascience: Any) -> None:
    class Odd(datascience.Table):  # type: ignore[misc]
        num_rows = labels = columns = property(lambda _: 1 / 0)

        def __len__(self) -> int:
            raise RuntimeError("mine")

    odd = Odd()
    odd._columns["a"] = np.array([1, 2])
    back = crossed(odd)
    assert type(back) is datascience.Table
    assert (back.labels, back.num_rows) == (("a",), 2)


@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_a_row_crosses_as_it_is(datascience: Any, as_argument: bool) -> None:
    row = boats(datascience).row(1)
    back = crossed(row, as_argument=as_argument)
    assert repr(back) == repr(row)
    assert back.item("length") == 4
    assert (back.boat, back.item(0), tuple(back)) == ("Ibis", "Ibis", tuple(row))


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        (["a", "a"], [numbers(1), numbers(1)]),
        (["a"], []),
        ([1], [numbers(1)]),
        (["a"], ["no array"]),
        (["a", "b"], [numbers(1), numbers(0)]),
        (["a"], [nodes.Array("numpy", "int64", [], [], 0, 0)]),
    ],
    ids=["twice", "fewer", "no text", "no array", "lengths", "no rows"],
)
def test_a_table_that_contradicts_itself_is_refused(
    datascience: Any, labels: list[Any], columns: list[Any]
) -> None:
    del datascience
    node = made("Table", nodes.Sequence(labels), nodes.Sequence(columns))
    with pytest.raises(nodes.ProtocolViolationError, match="a Table that cannot be built"):
        decoded(node, [memoryview(bytearray(8))])


def test_a_table_that_a_call_changes_is_changed_here_until_the_case_is_over(
    datascience: Any,
) -> None:
    def add(table: Any) -> None:
        table["new"] = table.column("length") * 2
        table.column("length")[0] = -1

    ours, before = boats(datascience), str(boats(datascience))
    with notebook(add=add) as session:
        with session.case() as changes:
            session.value("add")(ours)
            assert ours.column("new").tolist() == [24, 8]
            assert ours.column("length").tolist() == [-1, 4]
            assert changes.made
        assert str(ours) == before
        assert ours.num_columns == 3


def test_an_import_for_a_value_leaves_how_arrays_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import numpy\nnumpy.set_printoptions(legacy='1.13')\n"
    (tmp_path / "prints_otherwise.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert kinds.library("prints_otherwise").numpy is np
    assert repr(np.array([1.0, 22.0])) == "array([ 1., 22.])"


@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
def test_a_frame_of_babypandas_crosses_as_it_is(babypandas: Any, as_argument: bool) -> None:
    inner = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=["p", "q"])
    back = crossed(babypandas.DataFrame(data=inner), as_argument=as_argument)
    assert type(back) is babypandas.DataFrame
    pd.testing.assert_frame_equal(back.to_df(), inner)
    series = crossed(babypandas.Series(data=inner["a"]), as_argument=as_argument)
    assert type(series) is babypandas.Series
    pd.testing.assert_series_equal(series.to_ser(), inner["a"])
