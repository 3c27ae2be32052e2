OK_FORMAT = True

test = {
    'name': 'q1',
    'points': [0, 1, 1],
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> st.mean(values)
                3.5
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> bool(abs(la.norm(np.array(values)) - 7.3484692283495345) < 1e-9)
                True
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> it.count(1).__class__.__name__
                'count'
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
