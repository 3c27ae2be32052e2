OK_FORMAT = True

test = {
    'name': 'sixth',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
                6
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
