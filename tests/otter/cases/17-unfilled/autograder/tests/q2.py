OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> f(2) is not None
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> g(2) == 4
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> callable(f)
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
