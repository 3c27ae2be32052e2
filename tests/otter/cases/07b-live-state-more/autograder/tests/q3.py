OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> grid = [[0, 0], [0, 0]]
                >>> paint(grid, 0, 1)
                >>> grid
                [[0, 1], [0, 0]]
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> seen = {1, 2}
                >>> forget(seen, 2)
                >>> seen
                {1}
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> tree = {'a': {'b': [1]}}
                >>> grow(tree)
                >>> tree['a']['b']
                [1, 2]
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> xs = [1, 2, 3]
                >>> same = xs
                >>> clear(xs)
                >>> same
                []
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> kept = [3, 1]
                >>> ordered(kept), kept
                ([1, 3], [3, 1])
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
