OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 4,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> answer != ...
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> answer is not ...
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> type(answer) in {int, float}
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> answer == 42
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
