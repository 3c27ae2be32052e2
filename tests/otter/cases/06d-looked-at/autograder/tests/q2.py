OK_FORMAT = True

test = {   'name': 'q2',
    'points': 5,
    'suites': [   {   'cases': [   {'code': '>>> Tree(1, [Tree(2), Tree(3)]).leaves()\n[2, 3]', 'hidden': False, 'locked': False},
                                   {'code': '>>> (inspect.isclass(Tree), inspect.ismethod(Tree(1).leaves), inspect.isfunction(Tree.leaves))\n(True, True, True)', 'hidden': True, 'locked': False},
                                   {'code': ">>> inspect.getdoc(Tree.leaves)\n'The labels of all leaves.'", 'hidden': True, 'locked': False},
                                   {'code': ">>> 'leaf' in dict(inspect.getmembers(Tree))\nTrue", 'hidden': True, 'locked': False},
                                   {'code': ">>> 'leaves' in inspect.getsource(Tree(1).leaves)\nTrue", 'hidden': True, 'locked': False}],
                      'scored': True,
                      'setup': '',
                      'teardown': '',
                      'type': 'doctest'}]}
