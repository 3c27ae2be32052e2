OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 6,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> grid.shape, grid.dtype.name, grid.ndim
                ((2, 3), 'int64', 2)
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> int(grid[1, 2]), grid[:, 0].tolist(), grid.T.shape
                (6, [1, 4], (3, 2))
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> names
                array(['ann', 'bo'], dtype='<U3')
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> mixed.dtype == object, mixed[1], mixed.tolist()
                (True, None, [1, None, 'x'])
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> (days[1] - days[0]).astype(int).item(), str(days[0])
                (28, '2024-02-01')
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> people['age'].tolist(), people.dtype.names
                ([30, 41], ('name', 'age'))
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
