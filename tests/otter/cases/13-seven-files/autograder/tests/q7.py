OK_FORMAT = True

test = {
    'name': 'q7',
    'points': 1,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> import tqdm  # it is installed
                """,
                'hidden': False,
            },
        ],
        'scored': True,
        'setup': '',
        'teardown': '',
        'type': 'doctest',
    }],
}
