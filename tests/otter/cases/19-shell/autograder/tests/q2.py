OK_FORMAT = True

test = {'name': 'q2', 'points': 1, 'suites': [{'cases': [{'code': '>>> clean\n5', 'hidden': False, 'locked': False}], 'scored': True, 'setup': '', 'teardown': '', 'type': 'doctest'}]}
