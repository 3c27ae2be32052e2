OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 5,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> int(total) == 21, isinstance(total, np.integer), total.dtype == grid.dtype
                (True, True, True)
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> round(float(mean), 2), mean.item()
                (3.5, 3.5)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> zero_d.shape, zero_d.item()
                ((), 7)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> matrix @ np.array([1, 1])
                array([3, 7])
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> bool((grid > 2).sum() == 4) and grid[grid > 2].tolist() == [3, 4, 5, 6]
                True
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
