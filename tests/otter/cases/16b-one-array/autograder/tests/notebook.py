OK_FORMAT = True

test = {
    'name': 'notebook',
    'points': 4,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> scores[0] = 100
                >>> int(best())
                100
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> int(scores[0])
                100
                >>> curve()
                >>> scores.tolist()
                [101, 8, 6]
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> held = scores
                >>> curve()
                >>> held.tolist()
                [102, 9, 7]
                >>> scores[:] = 1
                >>> int(best()), held.tolist()
                (1, [1, 1, 1])
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> scores.sort()
                >>> scores[::-1][0] = 50
                >>> int(best())
                50
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
