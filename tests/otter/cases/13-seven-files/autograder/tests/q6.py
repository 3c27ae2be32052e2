OK_FORMAT = True

test = {
    'name': 'q6',
    'points': 5,
    'all_or_nothing': False,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> walk = powers()
                >>> next(walk) == 1 and next(walk) == 2
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> walk = powers()
                >>> for _ in range(5):
                ... 	print(next(walk))
                1
                2
                4
                8
                16
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
