OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> m
                3
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
