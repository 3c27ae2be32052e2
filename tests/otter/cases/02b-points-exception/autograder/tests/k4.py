OK_FORMAT = True

test = {
    'name': 'k4',
    'points': [2, 0],
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> a > 0
                True
                """,
                'hidden': False,
                'name': 'positive',
            },
            {
                'code': r"""
                >>> a == 99
                True
                """,
                'name': 'exact',
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
