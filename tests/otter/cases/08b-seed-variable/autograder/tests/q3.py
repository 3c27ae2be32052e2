OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> np.random.seed(1)
                >>> a = np.random.uniform()
                >>> np.random.seed(1)
                >>> b = draw()
                >>> a == b
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> import random
                >>> random.seed('text')
                >>> x = shuffled([1, 2, 3, 4, 5])
                >>> random.seed('text')
                >>> x == shuffled([1, 2, 3, 4, 5])
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
