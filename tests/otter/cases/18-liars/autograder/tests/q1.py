OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x == 17
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> x == 23
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
