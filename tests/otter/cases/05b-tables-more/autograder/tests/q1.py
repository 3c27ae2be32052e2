OK_FORMAT = True

test = {
    'name': 'q1',
    'points': [0, 0, 1, 1, 1],
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> flights != ...
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> flights.num_columns, flights.num_rows
                (3, 4)
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> flights.group('from').column('count').tolist()
                [1, 1, 2]
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> flights.sort('delay', descending=True).column('to').item(0)
                'OAK'
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> set(flights.column('from')) == {'SFO', 'LAX', 'JFK'}
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
