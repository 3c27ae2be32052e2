OK_FORMAT = True

test = {
    'name': 'q2',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> late.labels
                ('from', 'minutes late')
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> [row.item('minutes late') for row in late.rows]
                [35, 50]
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> float(np.mean(late.column(1)))
                42.5
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
