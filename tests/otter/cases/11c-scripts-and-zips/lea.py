import otter
grader = otter.Notebook()

area = 12


def helper(x):
    return 2 * x


read = open('greeting.txt').read().strip()
grader.check('q1')
area = 0
