OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> squares = squares_of(4)
                >>> type(squares).__name__
                'generator'
                >>> list(squares)
                [0, 1, 4, 9]
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> import types
                >>> isinstance(squares_of(2), types.GeneratorType), isinstance(is_prime, types.FunctionType)
                (True, True)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> from collections.abc import Iterator
                >>> isinstance(squares_of(2), Iterator), iter(lines) is iter(lines)
                (True, True)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> next(lines)
                'one'
                >>> [line for line in lines]
                ['two']
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> d = dict(zip('ab', squares_of(2)))
                >>> d
                {'a': 0, 'b': 1}
                >>> sum(squares_of(4)), max(squares_of(4)), sorted(squares_of(3), reverse=True)
                (14, 9, [4, 1, 0])
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
