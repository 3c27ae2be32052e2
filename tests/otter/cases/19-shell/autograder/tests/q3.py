OK_FORMAT = True

test = {'name': 'q3', 'points': 1, 'suites': [{'cases': [{'code': ">>> content\n'data'", 'hidden': False, 'locked': False}], 'scored': True, 'setup': '', 'teardown': '', 'type': 'doctest'}]}
