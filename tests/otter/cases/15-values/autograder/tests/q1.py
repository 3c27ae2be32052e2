OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> unique == {1, 2, 3}, type(unique) == set, 2 in unique
                (True, True, True)
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> frozen
                frozenset({1})
                >>> {frozen: 1}[frozenset([1])]
                1
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> steps == range(0, 10, 2), list(steps)[part]
                (True, [2, 4])
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> raw[0], raw.hex(), root, big == 2 ** 200
                (104, '6869', 2j, True)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> import math
                >>> math.isnan(nan), inf > 1e308, -inf < 0
                (True, True, True)
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
