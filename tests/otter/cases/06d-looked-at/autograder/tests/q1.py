OK_FORMAT = True

test = {   'name': 'q1',
    'points': 6,
    'suites': [   {   'cases': [   {'code': '>>> inspect.isgeneratorfunction(countdown)\nTrue', 'hidden': False, 'locked': False},
                                   {'code': ">>> 'for' in inspect.getsource(total)\nFalse", 'hidden': True, 'locked': False},
                                   {'code': '>>> (inspect.isfunction(total), inspect.isclass(total), inspect.ismodule(total))\n(True, False, False)', 'hidden': True, 'locked': False},
                                   {'code': ">>> inspect.getfullargspec(total).kwonlyargs\n['key']", 'hidden': True, 'locked': False},
                                   {'code': '>>> len(inspect.getsource(countdown).splitlines()) > 3\nTrue', 'hidden': True, 'locked': False},
                                   {'code': '>>> inspect.isgenerator(countdown(2))\nTrue', 'hidden': True, 'locked': False}],
                      'scored': True,
                      'setup': '',
                      'teardown': '',
                      'type': 'doctest'}]}
