OK_FORMAT = True

test = {
    'name': 'q4',
    'points': 3,
    'suites': [{
        'cases': [
            {
                'code': r"""
                >>> chain = Node(1, Node(2, Node(3)))
                >>> total(chain)
                6
                >>> chain.rest.rest.rest is None
                True
                """,
                'hidden': False,
            },
            {
                'code': r"""
                >>> chain = Node(1)
                >>> chain.rest = Node(5)
                >>> total(chain), chain.rest.value
                (6, 5)
                """,
                'hidden': True,
            },
            {
                'code': r"""
                >>> a, b = Node(1), Node(2)
                >>> a.rest = b
                >>> a.rest is b, a is not b
                (True, True)
                >>> [type(n).__name__ for n in (a, b)]
                ['Node', 'Node']
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
