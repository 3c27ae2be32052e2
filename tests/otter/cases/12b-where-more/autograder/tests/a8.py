OK_FORMAT = True

test = {
    'name': 'eighth',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> x
                9
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
