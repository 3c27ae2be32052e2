OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 6,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> counts['a'], counts['zz'], counts.most_common(1)
                (2, 0, [('a', 2)])
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> groups['new'].append(1)
                >>> groups['new'], sorted(groups)
                ([1], ['new', 'old'])
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> line
                deque([1, 2], maxlen=2)
                >>> line[-1], line.maxlen
                (2, 2)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> where.name, where.suffix, where.parent.name
                ('rain.csv', '.csv', 'data')
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> pair.left, pair[1], pair._fields
                (1, 2, ('left', 'right'))
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> table[1, 'a'][0]['deep']
                (None, [True])
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
