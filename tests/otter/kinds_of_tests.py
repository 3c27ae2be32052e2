"""Tests as courses write them, each with a right answer, another right one, and a wrong one.

All of them are questions of one assignment. What otter 7 gives each answer is what is to come out:
full marks for a right one, less for a wrong one. It cannot wait for what a function of `async`
gives, since its own loop is running then.
"""

from dataclasses import dataclass
from textwrap import dedent

FILES = {
    "given.py": (
        "def twice(x):\n    return 2 * x\n\n"
        "class Bag:\n    def __init__(self):\n        self.items = []\n"
    ),
}
OK = """\
OK_FORMAT = True
test = {{"name": {name!r}, "points": {points}, "suites": [{{"cases": [
{cases}
], "scored": True, "setup": "", "teardown": "", "type": "doctest"}}]}}
"""
FUNCTIONS = """\
from otter.test_files import test_case
OK_FORMAT = False
name = {name!r}
points = None

{code}
"""


@dataclass(frozen=True)
class Kind:
    """One question. test: doctests, with an empty line between two cases, or functions."""

    name: str
    right: str
    test: str
    wrong: str = "..."
    other: str = ""  # another right answer
    needs: str = ""

    @property
    def file(self) -> str:
        """Its test file, as otter has it."""
        code = dedent(self.test).strip()
        if not code.startswith(">>>"):
            return FUNCTIONS.format(name=self.name, code=code)
        cases = [
            f"{{'code': {case!r}, 'hidden': {number > 0}, 'locked': False}},"
            for number, case in enumerate(code.split("\n\n"))
        ]
        return OK.format(name=self.name, points=1, cases="\n".join(cases))

    def answer(self, which: str) -> str:
        """Return the code of one of its answers."""
        return dedent(getattr(self, which)).strip()


KINDS = (
    Kind(
        "digest",
        "digest = 42",
        """
        >>> import hashlib
        >>> def get_hash(number):
        ...     return hashlib.md5(str(number).encode()).hexdigest()
        >>> get_hash(digest)
        'a1d0c6e83f027327d8461063f4ac58a6'
        """,
        wrong="digest = 43",
        other="digest = int('42')",
    ),
    Kind(
        "pattern",
        r"pattern = r'\d{3}-\d{4}'",
        """
        import re
        import pandas as pd

        @test_case(points=1)
        def test_found(pattern):
            assert re.findall(pattern, "call 555-1234 or 555-9999") == ["555-1234", "555-9999"]
            assert re.compile(pattern).sub("X", "a 123-4567 b") == "a X b"
            numbers = pd.Series(["111-2222", "no"])
            assert numbers.str.contains(pattern).tolist() == [True, False]
            assert numbers.str.extract("(" + pattern + ")")[0].tolist()[0] == "111-2222"
        """,
        wrong=r"pattern = r'\d+'",
        other=r"pattern = '[0-9]{3}-[0-9]{4}'",
        needs="pandas",
    ),
    Kind(
        "no_loops",
        "def total(xs):\n    return sum(xs)",
        """
        import ast
        import inspect
        import textwrap

        @test_case(points=1)
        def test_source(env):
            total = env["total"]
            tree = ast.parse(textwrap.dedent(inspect.getsource(total)))
            assert not any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(tree))
            assert total([1, 2, 3]) == 6
        """,
        wrong="def total(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t",
    ),
    Kind(
        "sql",
        """
        import sqlite3
        import pandas as pd
        link = sqlite3.connect('shop.db')
        link.execute('drop table if exists t')
        link.execute('create table t (a int, b text)')
        link.executemany('insert into t values (?, ?)', [(1, 'x'), (2, 'y'), (3, 'x')])
        link.commit()
        query = 'SELECT b, SUM(a) AS s FROM t GROUP BY b ORDER BY b'
        sums = pd.read_sql(query, link)
        """,
        """
        >>> sums['s'].tolist()
        [4, 2]

        >>> import sqlite3, pandas as pd
        >>> pd.read_sql(query, sqlite3.connect('shop.db'))['b'].tolist()
        ['x', 'y']

        >>> pd.read_sql('select count(*) as n from t', link)['n'].tolist()
        [3]

        >>> import sqlite3
        >>> with sqlite3.connect(':memory:') as new:
        ...     _ = new.execute('create table t (a int, b text)')
        ...     _ = new.executemany('insert into t values (?, ?)', [(10, 'q'), (5, 'q')])
        ...     print(new.execute(query).fetchall())
        [('q', 15)]
        """,
        wrong="""
        import sqlite3
        link, query, sums = sqlite3.connect(':memory:'), 'select * from nowhere', None
        """,
        needs="pandas",
    ),
    Kind(
        "engine",
        """
        import sqlalchemy as sa
        engine = sa.create_engine('sqlite://')
        with engine.begin() as reached:
            reached.execute(sa.text('create table u (id int)'))
            reached.execute(sa.text('insert into u values (1), (2)'))
        """,
        """
        >>> import pandas as pd
        >>> pd.read_sql('select count(*) as c from u', engine)['c'].tolist()
        [2]
        """,
        wrong="import sqlalchemy as sa\nengine = sa.create_engine('sqlite://')",
        needs="sqlalchemy",
    ),
    Kind(
        "written_files",
        """
        import csv, json
        from pathlib import Path
        import numpy as np
        with open('out.csv', 'w', newline='') as file:
            csv.writer(file).writerows([['a', 'b'], [1, 2]])
        Path('results').mkdir(exist_ok=True)
        Path('results/out.json').write_text(json.dumps({'mean': 2.5}))
        np.savez('out.npz', a=np.arange(3))
        """,
        """
        import json
        import os
        import numpy as np
        import pandas as pd

        @test_case(points=1)
        def test_there():
            assert os.path.isfile("results/out.json") and os.listdir("results") == ["out.json"]
            assert json.load(open("results/out.json"))["mean"] == 2.5
            assert pd.read_csv("out.csv").iloc[0].tolist() == [1, 2]
            with np.load("out.npz") as held:
                assert held["a"].sum() == 3
        """,
        needs="pandas",
    ),
    Kind(
        "temporary_files",
        """
        def upper(source, target):
            with open(source) as file, open(target, 'w') as out:
                out.write(file.read().upper())
        """,
        """
        import os
        import tempfile
        from pathlib import Path

        @test_case(points=1)
        def test_folder(upper):
            with tempfile.TemporaryDirectory() as folder:
                source, target = os.path.join(folder, "a.txt"), os.path.join(folder, "b.txt")
                Path(source).write_text("hey")
                upper(source, target)
                assert Path(target).read_text() == "HEY"
        """,
        wrong="def upper(source, target):\n    pass",
    ),
    Kind(
        "own_module",
        """
        text = '''
        LEVEL = 7
        class Pair:
            def __init__(self, x):
                self.x = x
        def triple(x):
            return 3 * x
        '''
        from textwrap import dedent
        open('mine.py', 'w').write(dedent(text))
        """,
        """
        >>> import mine
        >>> mine.triple(2), mine.LEVEL, mine.Pair(3).x
        (6, 7, 3)
        >>> import importlib
        >>> importlib.import_module('mine').LEVEL
        7

        >>> from mine import triple
        >>> triple(5)
        15

        >>> from mine import *
        >>> triple(1), LEVEL
        (3, 7)

        >>> import ast
        >>> tree = ast.parse(open('mine.py').read())
        >>> [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        ['triple']
        """,
        wrong="open('mine.py', 'w').write('LEVEL = 8')",
    ),
    Kind(
        "course_module",
        """
        import given
        from given import Bag
        four, bag = given.twice(2), Bag()
        bag.items.append(1)
        """,
        """
        @test_case(points=1)
        def test_bag(four, bag):
            import given
            assert given.twice(2) == four
            assert isinstance(bag, given.Bag) and bag.items == [1]
        """,
        wrong="four, bag = 3, []",
    ),
    Kind(
        "abstract",
        """
        from abc import ABC, abstractmethod
        class Shape(ABC):
            @abstractmethod
            def area(self): ...
        class Square(Shape):
            def __init__(self, side):
                self.side = side
            def area(self):
                return self.side ** 2
        """,
        """
        import inspect
        from abc import ABC

        @test_case(points=1)
        def test_abstract(env):
            Shape, Square = env["Shape"], env["Square"]
            try:
                Shape()
                raise AssertionError("Shape is abstract")
            except TypeError as error:
                assert "abstract" in str(error)
            assert issubclass(Square, Shape) and issubclass(Shape, ABC)
            assert inspect.isabstract(Shape) and not inspect.isabstract(Square)
            assert isinstance(Square(2), Shape) and Square(3).area() == 9
        """,
        wrong="class Shape:\n    def area(self): ...\nclass Square(Shape):\n    pass",
    ),
    Kind(
        "vector",
        """
        class Vector:
            def __init__(self, x, y):
                self.x, self.y = x, y
            def __eq__(self, other):
                return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)
            def __hash__(self):
                return hash((self.x, self.y))
            def __repr__(self):
                return f'Vector({self.x}, {self.y})'
            def __add__(self, other):
                return Vector(self.x + other.x, self.y + other.y)
            def __mul__(self, k):
                return Vector(self.x * k, self.y * k)
            __rmul__ = __mul__
            def __matmul__(self, other):
                return self.x * other.x + self.y * other.y
            def __abs__(self):
                return (self.x ** 2 + self.y ** 2) ** 0.5
            def __float__(self):
                return float(abs(self))
            def __len__(self):
                return 2
            def __getitem__(self, place):
                return (self.x, self.y)[place]
            def __bool__(self):
                return bool(self.x or self.y)
            def __lt__(self, other):
                return abs(self) < abs(other)
        """,
        """
        >>> Vector(1, 2) + Vector(3, 4), 3 * Vector(1, 2) == Vector(3, 6)
        (Vector(4, 6), True)
        >>> len(Vector(1, 1)), Vector(5, 6)[1], list(Vector(7, 8)), bool(Vector(0, 0))
        (2, 6, [7, 8], False)
        >>> sorted([Vector(3, 4), Vector(1, 0)])
        [Vector(1, 0), Vector(3, 4)]
        >>> len({Vector(1, 2), Vector(1, 2)}), Vector(1, 2) != (1, 2)
        (1, True)

        >>> abs(Vector(3, 4)), abs(Vector(3, 4) * 2), float(Vector(0, 1))
        (5.0, 10.0, 1.0)
        >>> Vector(1, 2) @ Vector(3, 4)
        11
        """,
        wrong="class Vector:\n    def __init__(self, x, y):\n        self.x = x",
    ),
    Kind(
        "waits",
        """
        import asyncio
        async def fetch(x):
            await asyncio.sleep(0)
            return 2 * x
        """,
        """
        import asyncio
        import inspect

        @test_case(points=1)
        def test_waits(fetch):
            async def both():
                return await fetch(1) + sum(await asyncio.gather(fetch(2), fetch(3)))
            assert inspect.iscoroutinefunction(fetch)
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(both()) == 12
            loop.close()
        """,
        wrong="def fetch(x):\n    return 2 * x",
    ),
    Kind(
        "students_own_tests",
        """
        def test_my_sort(sort):
            assert sort([2, 1]) == [1, 2]
            assert sort([1, 1]) == [1, 1]
        """,
        """
        @test_case(points=1)
        def test_tells(test_my_sort):
            test_my_sort(sorted)
            for broken in (lambda xs: xs, lambda xs: sorted(set(xs)), lambda xs: 1 / 0):
                try:
                    test_my_sort(broken)
                except Exception:
                    continue
                raise AssertionError("a broken sort passes")
        """,
        wrong="def test_my_sort(sort):\n    pass",
    ),
    Kind(
        "errors",
        """
        class BadInput(ValueError):
            def __init__(self, said, code=0):
                super().__init__(said)
                self.code = code
        def divide(a, b):
            if b == 0:
                raise ZeroDivisionError('no zero')
            if not isinstance(a, (int, float)):
                raise BadInput('bad a', code=7)
            return a / b
        """,
        """
        import unittest
        import pytest

        @test_case(points=1)
        def test_raised(divide, BadInput):
            with pytest.raises(ZeroDivisionError, match="no zero"):
                divide(1, 0)
            with pytest.raises(ValueError) as met:
                divide("a", 2)
            assert met.value.code == 7 and met.type is BadInput
            case = unittest.TestCase()
            case.assertRaises(BadInput, divide, None, 1)
            case.assertAlmostEqual(divide(0.3, 3), 0.1, places=6)
        """,
        wrong="class BadInput(Exception):\n    pass\ndef divide(a, b):\n    return b and a / b",
    ),
    Kind(
        "printed",
        """
        import sys
        def greet(n):
            for i in range(n):
                print('hi', i)
            print('done', file=sys.stderr)
        """,
        """
        import io
        import sys
        from contextlib import redirect_stderr, redirect_stdout

        @test_case(points=1)
        def test_printed(greet):
            out, errors = io.StringIO(), io.StringIO()
            with redirect_stdout(out), redirect_stderr(errors):
                greet(2)
            assert out.getvalue() == "hi 0\\nhi 1\\n" and errors.getvalue() == "done\\n"
            before, sys.stdout = sys.stdout, io.StringIO()
            try:
                greet(1)
                assert sys.stdout.getvalue().strip() == "hi 0"
            finally:
                sys.stdout = before
        """,
        wrong="def greet(n):\n    return 'hi'",
    ),
    Kind(
        "tables",
        """
        from datascience import *
        import numpy as np
        pets = Table().with_columns('name', make_array('a', 'b'), 'n', make_array(3, 1))
        ordered = pets.sort('n')
        """,
        """
        >>> pets.num_rows, ordered.column('name').item(0), pets.labels
        (2, 'b', ('name', 'n'))

        >>> pets
        name | n
        a    | 3
        b    | 1
        >>> isinstance(pets, Table), pets.where('n', are.above(1)).num_rows
        (True, 1)
        >>> np.allclose(ordered.column('n'), [1, 3])
        True
        """,
        wrong="pets = ordered = Table().with_columns('name', make_array('a'))",
        needs="datascience",
    ),
    Kind(
        "drawn",
        """
        import matplotlib.pyplot as plt
        figure, axes = plt.subplots()
        axes.plot([1, 2, 3], [1, 4, 9], label='squares', color='red')
        axes.set_title('Squares')
        axes.legend()
        bars = plt.figure().gca()
        bars.bar(['a', 'b'], [3, 4])
        """,
        """
        >>> line = axes.get_lines()[0]
        >>> line.get_xdata().tolist(), line.get_ydata().tolist(), line.get_color()
        ([1, 2, 3], [1, 4, 9], 'red')
        >>> axes.get_title(), [one.get_text() for one in axes.get_legend().get_texts()]
        ('Squares', ['squares'])

        >>> import matplotlib
        >>> isinstance(figure, matplotlib.figure.Figure)
        True
        >>> [int(one.get_height()) for one in bars.patches]
        [3, 4]
        """,
        wrong="import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\nbars = axes",
        needs="matplotlib",
    ),
    Kind(
        "fitted",
        """
        import numpy as np
        from sklearn.linear_model import LinearRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        X, y = np.arange(20.0).reshape(-1, 1), 3 * np.arange(20.0) + 1
        line = LinearRegression().fit(X, y)
        steps = make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
        """,
        """
        >>> bool(np.isclose(line.coef_[0], 3)), bool(line.score(X, y) > 0.99)
        (True, True)
        >>> line.predict(np.array([[100.0]])).round(3).tolist()
        [301.0]

        >>> from sklearn.linear_model import LinearRegression
        >>> from sklearn.metrics import mean_squared_error
        >>> isinstance(line, LinearRegression), list(steps.named_steps)
        (True, ['standardscaler', 'linearregression'])
        >>> bool(mean_squared_error(y, steps.predict(X)) < 1e-9)
        True
        """,
        wrong="""
        import numpy as np
        X = y = np.ones(2)
        line = steps = None
        """,
        needs="sklearn",
    ),
    Kind(
        "network",
        "import networkx as nx\nring = nx.cycle_graph(4)",
        """
        >>> ring.number_of_edges(), sorted(ring.degree())[0]
        (4, (0, 2))
        >>> import networkx as nx
        >>> isinstance(ring, nx.Graph), nx.is_connected(ring), nx.shortest_path_length(ring, 1, 3)
        (True, True, 2)
        """,
        wrong="import networkx as nx\nring = nx.path_graph(4)",
        needs="networkx",
    ),
    Kind(
        "numbers",
        """
        from decimal import Decimal
        from fractions import Fraction
        z, d, f, big = 3 + 4j, Decimal('0.1') * 3, Fraction(1, 3) + Fraction(1, 6), 2 ** 200
        raw, sets = b'abc', {frozenset({1, 2}), frozenset({3})}
        """,
        """
        >>> z, abs(z), d, f, f.numerator, big == 1 << 200
        ((3+4j), 5.0, Decimal('0.3'), Fraction(1, 2), 1, True)
        >>> raw[0], raw.hex(), frozenset({1, 2}) in sets
        (97, '616263', True)
        """,
        wrong="z, d, f, big, raw, sets = 5, 0.3, 0.5, 2.0 ** 200, 'abc', set()",
    ),
    Kind(
        "marks_of_doctest",
        """
        def show():
            print('time:', 0.1234567)
        thing, many = object(), list(range(50))
        """,
        """
        >>> show() # doctest: +ELLIPSIS
        time: 0.12...
        >>> thing # doctest: +ELLIPSIS
        <object object at 0x...>
        >>> print(many[:3],
        ...       'x') # doctest: +NORMALIZE_WHITESPACE
        [0,  1,  2]   x
        >>> 1 / 0 # doctest: +SKIP
        5
        >>> for i in range(2):
        ...     if i:
        ...         print('one')
        ...     else:
        ...         print(many[i])
        0
        one
        >>> many[50]
        Traceback (most recent call last):
            ...
        IndexError: list index out of range
        """,
        wrong="def show():\n    print('t')\nthing, many = 1, [1]",
    ),
    Kind(
        "signature",
        """
        from typing import Dict, Generic, List, Optional, TypeVar
        T = TypeVar('T')
        class Box(Generic[T]):
            def __init__(self, held: T):
                self.held = held
        def count(xs: List[int], k: Optional[str] = None, *, m: 'int | None' = 3) -> Dict[str, int]:
            'Count them.'
            return {k or 'n': len(xs)}
        """,
        """
        import inspect
        import typing

        @test_case(points=1)
        def test_hints(count, Box):
            hints = typing.get_type_hints(count)
            assert hints["xs"] == typing.List[int] and hints["return"] == typing.Dict[str, int]
            assert hints["k"] == typing.Optional[str] and hints["m"] == int | None
            found = inspect.signature(count).parameters
            assert list(found) == ["xs", "k", "m"] and found["m"].default == 3
            assert found["m"].kind is inspect.Parameter.KEYWORD_ONLY
            assert inspect.getdoc(count) == "Count them." and count.__code__.co_argcount == 2
            assert count([1, 2]) == {"n": 2} and Box[int](3).held == 3
        """,
        wrong="class Box:\n    pass\ndef count(xs, k=None):\n    return {}",
    ),
    Kind(
        "names_there",
        "used = 10\ngone = 1\ndel gone",
        """
        >>> 'used' in globals(), 'gone' in dir(), 'used' in vars()
        (True, False, True)
        >>> try:
        ...     gone
        ... except NameError:
        ...     print('gone')
        gone
        """,
        wrong="gone = 2",
    ),
    Kind(
        "graph",
        """
        import torch
        from torch import nn
        class Net(nn.Module):
            def __init__(self, d=3, h=4):
                super().__init__()
                self.fc1, self.fc2 = nn.Linear(d, h), nn.Linear(h, 1)
            def forward(self, x):
                return self.fc2(torch.relu(self.fc1(x)))
        """,
        """
        import torch
        import torch.nn.functional as F

        @test_case(points=1)
        def test_gradients(Net):
            net = Net()
            x = torch.randn(2, 3, requires_grad=True)
            assert net(x).shape == (2, 1) and net(x).requires_grad
            net(x).sum().backward()
            assert x.grad is not None and x.grad.shape == x.shape
            assert all(p.grad is not None for p in net.parameters())
            net.zero_grad()
            assert net.fc1.weight.grad is None
            with torch.no_grad():
                assert not net(x).requires_grad

        @test_case(points=1, hidden=True)
        def test_numbers(Net):
            net = Net()
            with torch.no_grad():
                for p in net.parameters():
                    p.fill_(0.5)
            assert torch.allclose(net(torch.ones(1, 3)), torch.tensor([[4.5]]))
            net.load_state_dict({k: torch.zeros_like(v) for k, v in net.state_dict().items()})
            assert net(torch.ones(1, 3)).item() == 0.0
            assert isinstance(net.fc1.weight, torch.nn.Parameter)
            assert sum(p.numel() for p in net.parameters() if p.requires_grad) == 21
            for p in net.fc1.parameters():
                p.requires_grad = False
            assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]

        @test_case(points=1, hidden=True)
        def test_loss(Net):
            net, w = Net(), torch.ones(4, 1, requires_grad=True)
            x, y = torch.ones(4, 3), torch.zeros(4, 1)
            loss = F.mse_loss(w * net(x), y)
            loss.backward()
            b = net.fc2.bias.detach().clone().requires_grad_()
            F.mse_loss(net(x).detach() - net.fc2.bias.detach() + b, y).backward()
            torch.testing.assert_close(net.fc2.bias.grad, b.grad)
            torch.testing.assert_close(w.grad, (net(x) ** 2).detach() / 2)
            g, = torch.autograd.grad(net(2 * w.expand(4, 3)).sum(), w)
            assert g.shape == w.shape
        """,
        wrong="""
        import torch
        from torch import nn
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1 = nn.Linear(3, 1)
            def forward(self, x):
                return self.fc1(x).detach()
        """,
        needs="torch",
    ),
    Kind(
        "trained",
        """
        import torch
        from torch import nn
        class Scale(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.zeros(1))
            def forward(self, x):
                return x * self.w
        def train(model, data, loss_fn, optimizer, epochs):
            for _ in range(epochs):
                for x, y in data:
                    optimizer.zero_grad()
                    loss = loss_fn(model(x), y)
                    loss.backward()
                    optimizer.step()
            return loss.item()
        """,
        """
        import torch

        @test_case(points=1)
        def test_given(Scale, train):
            x, m = torch.arange(1.0, 5.0), Scale()
            train(m, [(x, 2 * x)], torch.nn.MSELoss(), torch.optim.SGD(m.parameters(), lr=0.05), 6)
            assert abs(m.w.item() - 2) < 0.1
            m, adam = Scale(), torch.optim.Adam
            own = lambda got, wanted: ((got - wanted) ** 2).mean()
            train(m, [(x, 3 * x)], own, adam(m.parameters(), lr=0.5), 20)
            assert abs(m.w.item() - 3) < 1

        @test_case(points=1, hidden=True)
        def test_here(Scale):
            m = Scale()
            optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
            for _ in range(12):
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(m(torch.ones(2)), torch.full((2,), 4.0)).backward()
                torch.nn.utils.clip_grad_norm_(m.parameters(), 10.0)
                optimizer.step()
            assert abs(m.w.item() - 4) < 0.5 and abs(m(torch.ones(1)).item() - 4) < 0.5
        """,
        wrong="""
        import torch
        from torch import nn
        class Scale(nn.Module):
            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.zeros(1))
            def forward(self, x):
                return x
        def train(model, data, loss_fn, optimizer, epochs):
            return 0.0
        """,
        needs="torch",
    ),
    Kind(
        "own_operation",
        """
        import torch
        class Squared(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x
            @staticmethod
            def backward(ctx, gradient):
                x, = ctx.saved_tensors
                return 2 * x * gradient
        class Descent:
            def __init__(self, parameters, lr):
                self.parameters, self.lr = list(parameters), lr
            def step(self):
                with torch.no_grad():
                    for p in self.parameters:
                        p -= self.lr * p.grad
            def zero_grad(self):
                for p in self.parameters:
                    p.grad = None
        """,
        """
        import torch

        @test_case(points=1)
        def test_checked(Squared):
            x = torch.randn(5, dtype=torch.float64, requires_grad=True)
            assert torch.autograd.gradcheck(Squared.apply, (x,), eps=1e-6, atol=1e-4)

        @test_case(points=1, hidden=True)
        def test_descends(Descent):
            w = torch.tensor([3.0], requires_grad=True)
            descent = Descent([w], lr=0.1)
            for _ in range(3):
                descent.zero_grad()
                (w ** 2).sum().backward()
                descent.step()
            assert abs(w.item() - 3 * 0.8 ** 3) < 1e-4
        """,
        wrong="""
        import torch
        class Squared(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * x
            @staticmethod
            def backward(ctx, gradient):
                return gradient
        class Descent:
            def __init__(self, parameters, lr):
                pass
            def step(self):
                pass
            zero_grad = step
        """,
        needs="torch",
    ),
)
