OK_FORMAT = True

test = {
    'name': 'fourth',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
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
