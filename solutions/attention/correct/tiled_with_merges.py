"""Tiles in torch: the state of each tile on its own, merged into the whole."""

import math

import torch


def attention_tiled(Q, K, V, block):
    m = torch.full((len(Q),), -math.inf)
    l, acc = torch.zeros(len(Q)), torch.zeros(len(Q), V.shape[1])
    first = 0
    while first < len(K):
        keys = slice(first, min(first + block, len(K)))
        scores = torch.einsum("id,jd->ij", Q, K[keys]) * len(Q[0]) ** -0.5
        tile_m, _ = scores.max(dim=1)
        weights = (scores - tile_m[:, None]).exp()
        top = torch.maximum(m, tile_m)
        old, new = (m - top).exp(), (tile_m - top).exp()
        l = old * l + new * weights.sum(dim=1)
        acc = old[:, None] * acc + new[:, None] * torch.matmul(weights, V[keys])
        m, first = top, first + block
    return m, l, acc
