OK_FORMAT = True

test = {
    'name': 'second',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
                2
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
