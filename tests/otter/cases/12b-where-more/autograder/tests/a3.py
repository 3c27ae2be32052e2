OK_FORMAT = True

test = {
    'name': 'third',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
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
