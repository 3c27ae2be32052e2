OK_FORMAT = True

test = {
    'name': 'k2',
    'points': 2,
    'all_or_nothing': True,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> a > 0
                True
                """,
                'hidden': False,
                'points': 1,
            },
            {
                'code': r"""
                >>> a == 99
                True
                """,
            },
            {
                'code': r"""
                >>> a == 7
                True
                """,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
