OK_FORMAT = True

test = {   'name': 'q2',
    'points': 2,
    'suites': [   {   'cases': [   {'code': '>>> roots\n[2, 3]', 'hidden': False, 'locked': False},
                                   {'code': '>>> area\n9', 'hidden': True, 'locked': False},
                                   {'code': '>>> area == 9\nTrue', 'hidden': True, 'locked': False},
                                   {'code': '>>> lim\n1', 'hidden': True, 'locked': False},
                                   {'code': '>>> sorted(roots)[0] + 1\n3', 'hidden': True, 'locked': False},
                                   {'code': ">>> type(area).__name__\n'Integer'", 'hidden': True, 'locked': False},
                                   {'code': '>>> lim is sp.S.One\nTrue', 'hidden': True, 'locked': False}],
                      'scored': True,
                      'setup': '',
                      'teardown': '',
                      'type': 'doctest'}]}
