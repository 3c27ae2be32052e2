OK_FORMAT = True

test = {
    'name': 'q4',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> top.head(2)
                  name  score
                1    b      9
                2    c      5
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> top[top['score'] > 4]['name'].str.upper().tolist()
                ['B', 'C']
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> top.set_index('name').score.idxmax()
                'b'
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> isinstance(top, pd.DataFrame) and not isinstance(top, pd.Series)
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> len(empty), list(empty.columns)
                (0, ['name', 'score'])
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
