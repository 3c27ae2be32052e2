OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> shapes.area(3)
                9
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> side
                12
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
