OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> area
                12
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> helper(2)
                4
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
