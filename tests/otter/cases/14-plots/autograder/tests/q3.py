OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> axes.get_title()
                'kept'
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> type(axes).__name__, [float(x) for x in axes.get_xlim()]
                ('Axes', [0.0, 1.0])
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
