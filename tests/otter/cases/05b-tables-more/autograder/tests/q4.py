OK_FORMAT = True

test = {
    'name': 'q4',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> unfilled != ...
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> unfilled is not ...
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> type(unfilled) == Table
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
