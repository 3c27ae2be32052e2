OK_FORMAT = True

test = {
    'name': 'k5',
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> a > 0
                True
                """,
                'hidden': True,
                'points': 1.5,
            },
            {
                'code': r"""
                >>> a == 99
                True
                """,
                'hidden': False,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
