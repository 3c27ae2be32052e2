OK_FORMAT = True

test = {
    'name': 'q1',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> plt.gca().get_title()
                'Rain'
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> ax = plt.gca()
                >>> ax.get_xlabel(), len(ax.lines)
                ('month', 1)
                >>> ax.lines[0].get_ydata().tolist()
                [3, 1, 2]
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> len(plt.get_fignums())
                1
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
