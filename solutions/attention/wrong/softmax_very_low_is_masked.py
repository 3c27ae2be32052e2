# expect: q1
# A row whose largest score is below -1e9 is taken for one that is masked all through.
import torch


def stable_softmax(x, dim=-1):
    dtype = x.dtype if x.is_floating_point() else torch.float32
    wide = x.to(torch.promote_types(dtype, torch.float32))
    if x.numel() == 0:
        return wide.to(dtype, copy=True)
    top = wide.amax(dim, keepdim=True)
    e = torch.exp(wide - torch.where(top <= -1e9, 0.0, top))
    total = e.sum(dim, keepdim=True)
    return (e / torch.where(total == 0, 1.0, total)).to(dtype)
