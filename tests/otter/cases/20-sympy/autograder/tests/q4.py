OK_FORMAT = True

test = {   'name': 'q4',
    'points': 2,
    'suites': [   {   'cases': [   {'code': '>>> round(newton(x ** 2 - 2, 1.0), 6)\n1.414214', 'hidden': False, 'locked': False},
                                   {'code': '>>> f(3)\n10', 'hidden': True, 'locked': False},
                                   {'code': '>>> f(np.array([1, 2])).tolist()\n[2, 5]', 'hidden': True, 'locked': False},
                                   {'code': '>>> round(newton(x ** 3 - 8, 3.0), 5)\n2.0', 'hidden': True, 'locked': False}],
                      'scored': True,
                      'setup': '',
                      'teardown': '',
                      'type': 'doctest'}]}
