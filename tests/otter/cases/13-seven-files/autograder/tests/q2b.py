OK_FORMAT = True

test = {
    'name': 'q2b',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> is_empty('')
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> is_empty(range(0))
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
