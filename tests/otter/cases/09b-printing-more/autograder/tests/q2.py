OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> divide(1, 0)
                Traceback (most recent call last):
                ZeroDivisionError: division by zero
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> divide('a', 2)  # doctest: +IGNORE_EXCEPTION_DETAIL
                Traceback (most recent call last):
                TypeError: anything
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> withdraw(10)
                Traceback (most recent call last):
                TooLittle: 10 is more than 5
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> warn('careful')
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> for k in range(2):
                ...     print(k, end=' ')
                ...     bar(k)
                0 |
                1 *|
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
