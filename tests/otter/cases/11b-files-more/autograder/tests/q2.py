OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> config['name']
                'stones'
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> repr(weights.sum()) == repr(np.float64(6.5))
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> table.shape, table['kind'].tolist()
                ((2, 2), ['a', 'b'])
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
