OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 4,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> Point(1, 2)
                Point(x=1, y=2)
                >>> Point(1, 2) == Point(1, 2), Point(1, 2) == Point(2, 1)
                (True, False)
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> Colour.RED.name, Colour.RED.value, Colour(2).name
                ('RED', 1, 'GREEN')
                >>> Colour.RED is Colour.RED, len(Colour)
                (True, 2)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> str(Vec(1, 2)), f'{Vec(1, 2)}', repr(Vec(1, 2))
                ('<1, 2>', '<1, 2>', 'Vec(1, 2)')
                >>> {Vec(1, 2): 'a'}[Vec(1, 2)]
                'a'
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> type(Vec(1, 2)) == Vec, type(Vec(1, 2)) is Vec, isinstance(3, Vec)
                (True, True, False)
                >>> bool(Vec(0, 0)), bool(Vec(1, 0))
                (False, True)
                """,
                'hidden': True,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
