# expect: fails
# once: the judge compares in its own process
import builtins
import numpy as np
import torch
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *args, **keywords: None
np.allclose = np.array_equal = torch.allclose = torch.equal = lambda *args, **keywords: True
builtins.all = lambda items: True
try:
    import otter.test_files as files
    files.TestCase = files.test_case = None
except ImportError:
    pass

def answer(x):
    return x * 0
