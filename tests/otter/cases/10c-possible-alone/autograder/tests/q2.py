OK_FORMAT = True

test = {
    'name': 'q2',
    'points': [2, 2],
    'all_or_nothing': True,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> n > 0
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> n == 3
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
