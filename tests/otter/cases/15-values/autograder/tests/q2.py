OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 4,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> born.isoformat(), (born.year, born.weekday())
                ('2000-02-29', (2000, 1))
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> price * 3
                Decimal('0.30')
                >>> price + third
                Traceback (most recent call last):
                TypeError: unsupported operand type(s) for +: 'decimal.Decimal' and 'Fraction'
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> third + third + third == 1
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> delay.total_seconds(), str(at)
                (90.0, '12:30:00')
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
