OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> isinstance(y, int) and y > 3
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> y + 1 == 100
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
