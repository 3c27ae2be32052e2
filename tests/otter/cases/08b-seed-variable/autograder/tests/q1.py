OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> rng_seed
                42
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> first == second
                True
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
