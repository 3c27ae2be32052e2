OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> re.fullmatch(pattern, 'ab12') is not None
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> [bool(re.fullmatch(pattern, word)) for word in ('ab12', '12ab', '')]
                [True, False, False]
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> sorted(Counter(letters).items())
                [('a', 2), ('b', 1)]
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
