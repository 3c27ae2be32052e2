"""An autograder for GPU and numerics courses: student code computes, this package judges."""

__version__ = "0.1.0"
