OK_FORMAT = True

test = {
    'name': 'k3',
    'points': 0.7,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> a > 0
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> a == 7
                True
                """,
            },
            {
                'code': r"""
                >>> a == 99
                True
                """,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
