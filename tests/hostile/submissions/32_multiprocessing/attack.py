# expect: denied
# control: it is honest code, that works or fails clearly
import multiprocessing

def square(number):
    return number * number

try:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        squares = pool.map(square, [1, 2, 3])
except OSError as problem:
    squares = [1, 4, 9]
    print("no pool:", problem)
attempt("a wrong square", lambda: squares != [1, 4, 9])
