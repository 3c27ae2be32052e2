OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> n
                1
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
