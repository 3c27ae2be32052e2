OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> is_empty([])
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> is_empty('x')
                False
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> is_empty({})
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> is_empty((0,))
                False
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
