from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'
points = 3

@test_case(points=1)
def test_figure(draw):
    figure = draw([1, 2, 3])
    assert len(figure.axes) == 1
    assert figure.axes[0].get_ylabel() == "count"

@test_case(points=1, hidden=True)
def test_bars(draw):
    ax = draw([4, 0, 9]).axes[0]
    assert [bar.get_height() for bar in ax.patches] == [4, 0, 9]

@test_case(points=1, hidden=True)
def test_type(draw):
    from matplotlib.figure import Figure
    assert isinstance(draw([1]), Figure)
