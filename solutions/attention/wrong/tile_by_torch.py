# expect: q4_tile
# Right numbers, and no kernel.
def tile_scores(q, k):
    return q.float() @ k.float().T / q.shape[1] ** 0.5
