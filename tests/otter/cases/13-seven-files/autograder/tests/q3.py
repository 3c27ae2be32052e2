OK_FORMAT = True

test = {
    'name': 'q3',
    'points': 2,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> y
                False
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> if y:
                ... 	print('yes')
                ... else:
                ... 	print('no')
                ...
                no
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
