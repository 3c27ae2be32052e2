OK_FORMAT = True

test = {
    'name': 'first',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
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
