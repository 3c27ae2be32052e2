OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> never > 0
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> len(several) == 2
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> several[0] is ...
                False
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
