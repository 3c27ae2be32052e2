OK_FORMAT = True

test = {
    'name': 'frames',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> table['c'] = [1, 2]
                >>> width()
                3
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> table.loc[0, 'a'] = 40
                >>> int(first())
                40
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> held = table
                >>> add_total()
                >>> held['total'].tolist()
                [43, 6]
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> import pandas as pd
                >>> mine = pd.DataFrame({'x': [1, 2, 3]})
                >>> rows = Rows(mine)
                >>> mine['y'] = mine.x * 2
                >>> rows.columns()
                ['x', 'y']
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> import pandas as pd
                >>> mine = pd.DataFrame({'x': [1, 2, 3]})
                >>> rows = Rows(mine)
                >>> rows.mark(1)
                >>> mine['x'].tolist()
                [1, 0, 3]
                >>> rows.frame.loc[2, 'x'] = 9
                >>> int(rows.total()), int(mine.x.sum())
                (10, 10)
                """,
                'hidden': False,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
