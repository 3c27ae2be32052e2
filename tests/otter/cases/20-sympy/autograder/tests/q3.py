OK_FORMAT = True

test = {   'name': 'q3',
    'points': 2,
    'suites': [   {   'cases': [   {'code': '>>> M.det()\n-2', 'hidden': False, 'locked': False},
                                   {'code': '>>> inv * M == sp.eye(2)\nTrue', 'hidden': True, 'locked': False},
                                   {'code': '>>> inv\nMatrix([\n[ -2,    1],\n[3/2, -1/2]])', 'hidden': True, 'locked': False},
                                   {'code': '>>> len(lam)\n2', 'hidden': True, 'locked': False},
                                   {'code': '>>> half + Rational(1, 3)\n5/6', 'hidden': True, 'locked': False},
                                   {'code': '>>> M.shape\n(2, 2)', 'hidden': True, 'locked': False},
                                   {'code': '>>> sum(lam.values())\n2', 'hidden': True, 'locked': False},
                                   {'code': '>>> M[0, 1]\n2', 'hidden': True, 'locked': False},
                                   {'code': '>>> half == 0.5\nFalse', 'hidden': True, 'locked': False}],
                      'scored': True,
                      'setup': '',
                      'teardown': '',
                      'type': 'doctest'}]}
