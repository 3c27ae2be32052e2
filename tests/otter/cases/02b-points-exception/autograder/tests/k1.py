OK_FORMAT = True

test = {
    'name': 'k1',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> a > 0
                True
                """,
                'hidden': False,
                'points': 2,
            },
            {
                'code': r"""
                >>> a == 99
                True
                """,
                'hidden': True,
                'points': 1,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
