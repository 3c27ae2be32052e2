"""What a kernel reads past an argument's end is NaN each time, not what lay there by chance."""

import socket
import time

import numpy as np
import pytest
import torch

from grader.model import Limits
from grader.sandbox import Session, Worker
from grader.sandbox.wire.channel import Channel
from grader.sandbox.wire.protocol import Call

# As a load without its mask does in Triton's interpreter.
READS = """
import ctypes

def past(tensor, count):
    end = tensor.data_ptr() + tensor.numel() * tensor.element_size()
    return ctypes.string_at(end, count)

def whole(array):
    return float(array.sum()), array.nbytes
"""


def session(worker: Worker) -> Session:
    return worker.session(Limits(), deadline=time.monotonic() + 600)


@pytest.mark.parametrize("count", [1, 1_000, 300_000])
def test_past_a_tensor_lies_nan_where_kernels_run(kernel_worker: Worker, count: int) -> None:
    with session(kernel_worker) as child:
        assert child.run_cell(READS, 1).failure is None
        found = child.value("past")(torch.ones(count, dtype=torch.float16), 4_096)
        assert found == b"\xff" * 4_096
        assert np.isnan(np.frombuffer(found, np.float16)).all()


def test_an_array_ends_where_it_did(kernel_worker: Worker) -> None:
    with session(kernel_worker) as child:
        assert child.run_cell(READS, 1).failure is None
        whole = child.value("whole")
        assert whole(np.ones(10)) == (10.0, 80)
        assert whole(np.ones(100_000)) == (100_000.0, 800_000)
        assert whole(np.ones(0)) == (0.0, 0)


@pytest.mark.parametrize(("count", "size"), [(1, 1_001), (64, 1_001), (65, 1)])
def test_many_arrays_take_no_margin_each(count: int, size: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        options = {"receives": "request", "frame_bytes": 1 << 20, "array_bytes": 1 << 20}
        judge, child = Channel(ours, **options), Channel(theirs, **options, margin=1_000)
        judge.send(Call(1, 0, [], {}, [1] * count), [memoryview(b"x")] * count)
        _message, buffers = child.receive(60.0)
    assert {len(one.obj) for one in buffers} == {size}
    assert all(bytes(one) == b"x" for one in buffers)
