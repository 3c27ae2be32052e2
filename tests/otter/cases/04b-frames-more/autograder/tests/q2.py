OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 4,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> grouped.index.names == ['kind', 'month']
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> float(grouped.loc[('book', 1), 'amount'])
                3.5
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> grouped.reset_index().shape, grouped.index.nlevels
                ((3, 3), 2)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> grouped.xs('pen', level='kind')['amount'].tolist()
                [4.0, 1.0]
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
