OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> it = countdown(3)
                >>> next(it), list(it)
                (3, [2, 1])
                >>> next(it, 'done')
                'done'
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> total = running()
                >>> next(total)
                0
                >>> total.send(5), total.send(7)
                (5, 12)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> next(shared)
                0
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> next(shared), next(shared)
                (1, 2)
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> for n, x in zip(range(3), countdown(10)):
                ...     print(n, x)
                0 10
                1 9
                2 8
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
