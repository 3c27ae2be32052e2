OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 7,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> float(df.describe().loc['mean', 'x'])
                2.5
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> df.groupby('g')['x'].apply(spread).to_dict()
                {'a': 1, 'b': 1}
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> df['x'].map(label).tolist()
                ['low', 'low', 'high', 'high']
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> df.query('x > 2').index.tolist(), float(df['x'].rolling(2).sum().iloc[-1])
                ([2, 3], 7.0)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> pd.merge(df, other, on='g').shape, df.pivot_table(index='g', values='x').loc['b', 'x'].item()
                ((4, 3), 3.5)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> bool(df.isnull().values.any()), df.columns.tolist() == ['x', 'g']
                (False, True)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> df['x'].dtype == 'int64', df.index.is_unique, bool(df.memory_usage().sum() > 0)
                (True, True, True)
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
