OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> bar(3)
                ***|
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> answer()
                thinking
                42
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> x = answer()
                thinking
                >>> x + 1
                43
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> stars(2)  # doctest: +NORMALIZE_WHITESPACE
                *    *
                *  *
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> shout('né')
                NÉ ✓
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
