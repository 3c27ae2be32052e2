OK_FORMAT = True

test = {
    'name': 'seventh',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
                7
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
