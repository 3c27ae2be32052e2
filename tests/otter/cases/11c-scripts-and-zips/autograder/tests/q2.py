OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> read
                'hello'
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
