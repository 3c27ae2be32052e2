OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> isclose(ratio, 2 / 3)
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> ratio == Fraction(2, 3)
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> Fraction(ratio).limit_denominator(10)
                Fraction(2, 3)
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
