OK_FORMAT = True

test = {   'name': 'q1',
    'points': 2,
    'suites': [   {   'cases': [   {'code': '>>> d\nx**2*cos(x) + 2*x*sin(x)', 'hidden': False, 'locked': False},
                                   {'code': '>>> d.subs(x, 0)\n0', 'hidden': True, 'locked': False},
                                   {'code': '>>> sp.simplify(d - (2 * x * sin(x) + x ** 2 * sp.cos(x)))\n0', 'hidden': True, 'locked': False},
                                   {'code': '>>> d.equals(2 * x * sin(x) + x ** 2 * sp.cos(x))\nTrue', 'hidden': True, 'locked': False},
                                   {'code': ">>> sp.latex(expr)\n'x^{2} \\\\sin{\\\\left(x \\\\right)}'", 'hidden': True, 'locked': False},
                                   {'code': '>>> float(d.subs(x, 1).evalf())\n2.2232442754839328', 'hidden': True, 'locked': False},
                                   {'code': '>>> isinstance(d, sp.Expr)\nTrue', 'hidden': True, 'locked': False}],
                      'scored': True,
                      'setup': '',
                      'teardown': '',
                      'type': 'doctest'}]}
