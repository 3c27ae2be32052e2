OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> [str(kind).split('[')[0] for kind in sales.dtypes]
                ['datetime64', 'category', 'float64', 'object']
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> bool(sales['amount'].isna().sum() == 1)
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> sales['day'].dt.month.tolist(), sales['day'].max() == pd.Timestamp('2024-03-05')
                ([1, 1, 2, 3], True)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> list(sales['kind'].cat.categories)
                ['book', 'pen']
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> sales.loc[1, 'tags']
                ['red', 'blue']
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
