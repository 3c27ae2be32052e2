OK_FORMAT = True

test = {
    'name': 'fifth',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
                5
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
