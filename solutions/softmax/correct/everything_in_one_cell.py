"""One cell, one class, and the answers are its bound methods."""

import functools

import numpy as np, torch


class Answers:
    dtypes = ("float16", "bfloat16", "float32", "float64")

    def __init__(self):
        self.thresholds = {}

    def find_overflow_threshold(self, dtype_str, op="exp", device="cpu"):
        key = dtype_str, op, device
        if key not in self.thresholds:
            if dtype_str not in self.dtypes or not hasattr(torch, op): raise ValueError(key)
            self.thresholds[key] = self.search(*key)
        return self.thresholds[key]

    def search(self, dtype_str, op, device):
        dtype = getattr(torch, dtype_str)
        f = getattr(torch, op)
        ok = lambda v: bool(torch.isfinite(f(torch.tensor(v, dtype=dtype, device=device))))
        top = torch.finfo(dtype).max
        if ok(top): return top
        # doubling to find the binade, then halving the step until it falls below the spacing
        x = 1.0
        while ok(x * 2): x *= 2
        step = x / 2
        while torch.tensor(x + step, dtype=dtype).item() == x + step != x:
            if ok(x + step): x += step
            step /= 2
        return x

    def prepare(self, scores, dtype):
        if dtype not in self.dtypes: raise ValueError(dtype)
        t = scores if isinstance(scores, torch.Tensor) else torch.from_numpy(np.array(scores, float))
        t = t.to(getattr(torch, dtype))
        if t.nelement() == 0 or bool(t.isnan().sum()): raise ValueError("empty or NaN")
        return t

    def analyze(self, scores, dtype="float32"):
        t = self.prepare(scores, dtype)
        e = t.exp()
        n_inf = e.isinf().sum(-1)
        only_sum = int(((n_inf == 0) & e.sum(-1).isinf()).sum())
        count = int(n_inf.sum())
        return dict(
            dtype=dtype, max_safe_input=self.find_overflow_threshold(dtype),
            dtype_max=torch.finfo(t.dtype).max, scores_min=float(t.min()), scores_max=float(t.max()),
            overflow_count=count, sum_overflow_rows=only_sum,
            underflow_rows=int((e.count_nonzero(-1) == 0).sum()),
            will_overflow=bool(count or only_sum), total_values=t.nelement(),
        )

    def softmax(self, x, dtype="float32"):
        t = self.prepare(x, dtype)
        e = t.exp(); s = e.sum(-1).unsqueeze(-1); p = e / s
        i = bool(s.isinf().any()); n = bool((p != p).any())
        return p, dict(predicted_overflow=self.analyze(t, dtype)["will_overflow"],
                       has_inf=i, has_nan=n, actual_overflow=i or n)

    def stress(self, seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0):
        rng = np.random.default_rng(seed)
        def pair(n, d):
            s = [rng.standard_normal((n, d)) @ rng.standard_normal((d, n)) / (d**.5 if scaled else 1)
                 for _ in range(num_trials)]
            bad = [self.analyze(m, dtype)["will_overflow"] for m in s]
            return dict(seq_len=n, d_model=d, failure_rate=np.mean(bad), avg_max_score=np.max(s, axis=(1, 2)).mean())
        return [pair(n, d) for n in seq_lengths for d in d_models]

    def qkv(self, dtype="float16", seq_len=32, d_model=64, seed=0):
        if self.prepare([16 * d_model**.5], dtype).exp().isfinite(): raise ValueError(dtype)
        rng = np.random.default_rng(seed)
        # every query meets a key that points the same way
        Q = 4 * rng.choice([-1, 1], (seq_len, d_model))
        return Q, Q[::-1], rng.random((seq_len, d_model))


_a = Answers()
find_overflow_threshold = _a.find_overflow_threshold
analyze_softmax_safety = _a.analyze
softmax_with_overflow_detection = _a.softmax
softmax_stress_test = _a.stress
overflowing_qkv = _a.qkv
quiz_exp0 = 1; quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"; quiz_why_scale = "d"
