OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 4,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> print(Money(5))
                5 cents
                >>> f'{Money(5)!r:>10}'
                '  Money(5)'
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> [Money(1), Money(2)]
                [Money(1), Money(2)]
                >>> {'a': Money(1)}
                {'a': Money(1)}
                >>> (Money(1), 2)
                (Money(1), 2)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> '{}'.format(Money(3)), str([Money(3)])
                ('3 cents', '[Money(3)]')
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> Money(3) in [Money(1), Money(3)], [Money(1)].index(Money(1))
                (True, 0)
                >>> len({Money(1), Money(1), Money(2)})
                2
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
