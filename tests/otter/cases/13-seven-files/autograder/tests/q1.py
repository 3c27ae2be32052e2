OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 0,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> cube(3)
                27
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> cube(0.5)
                0.125
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> cube(-2)
                -8
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> cube(10)
                1000
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
