# My solutions for week 3 day 2
# I wrote everything out so that I can still read it before the exam.

import numpy as np
import torch


# --- question 1 ---
def find_overflow_threshold(dtype_str, op="exp", device="cpu"):
    # step 1: which dtype is it?
    if dtype_str == "float16":
        my_dtype = torch.float16
        my_int = torch.int16
    elif dtype_str == "bfloat16":
        my_dtype = torch.bfloat16
        my_int = torch.int16
    elif dtype_str == "float32":
        my_dtype = torch.float32
        my_int = torch.int32
    elif dtype_str == "float64":
        my_dtype = torch.float64
        my_int = torch.int64
    else:
        raise ValueError("I do not know the dtype " + dtype_str)

    # step 2: which function is it?
    try:
        my_function = getattr(torch, op)
    except AttributeError:
        raise ValueError("I do not know the op " + op)

    # step 3: does the largest number of all survive? then there is nothing to search
    biggest = torch.tensor(torch.finfo(my_dtype).max, dtype=my_dtype, device=device)
    if torch.isfinite(my_function(biggest)).item() == True:
        return float(biggest.item())

    # step 4: binary search, but on the bits, because the bits of floats count upwards too
    low_bits = 0
    high_bits = int(biggest.view(my_int).item())
    while high_bits - low_bits != 1:
        middle_bits = (low_bits + high_bits) // 2
        middle = torch.tensor(middle_bits, dtype=my_int, device=device).view(my_dtype)
        result = my_function(middle)
        if torch.isinf(result).item() == True:
            high_bits = middle_bits
        else:
            low_bits = middle_bits

    # step 5: turn the bits back into a number
    answer = torch.tensor(low_bits, dtype=my_int).view(my_dtype)
    return float(answer.item())


# --- question 2 ---
def analyze_softmax_safety(scores, dtype="float32"):
    max_safe_input = find_overflow_threshold(dtype)

    # make a tensor out of whatever I was given
    if isinstance(scores, torch.Tensor):
        tensor = scores
    else:
        tensor = torch.tensor(np.array(scores))
    if dtype == "float16":
        tensor = tensor.to(torch.float16)
        dtype_max = 65504.0
    if dtype == "bfloat16":
        tensor = tensor.to(torch.bfloat16)
        dtype_max = 3.3895313892515355e38
    if dtype == "float32":
        tensor = tensor.to(torch.float32)
        dtype_max = 3.4028234663852886e38
    if dtype == "float64":
        tensor = tensor.to(torch.float64)
        dtype_max = 1.7976931348623157e308

    # bad input
    if tensor.numel() == 0:
        raise ValueError("There are no scores")
    if torch.any(torch.isnan(tensor)).item() == True:
        raise ValueError("There is a NaN in the scores")

    exponentials = torch.exp(tensor)
    row_sums = torch.sum(exponentials, dim=-1)

    overflow_count = int(torch.sum(torch.isinf(exponentials)).item())

    row_has_inf = torch.any(torch.isinf(exponentials), dim=-1)
    row_sum_is_inf = torch.isinf(row_sums)
    sum_overflow = torch.logical_and(row_sum_is_inf, torch.logical_not(row_has_inf))
    sum_overflow_rows = int(torch.sum(sum_overflow).item())

    # no exp is negative, so a row sum of 0 means that all of them are 0
    underflow_rows = int(torch.sum(row_sums == 0).item())

    if overflow_count > 0:
        will_overflow = True
    elif sum_overflow_rows > 0:
        will_overflow = True
    else:
        will_overflow = False

    result = {}
    result["dtype"] = dtype
    result["max_safe_input"] = max_safe_input
    result["dtype_max"] = dtype_max
    result["scores_min"] = float(torch.min(tensor).item())
    result["scores_max"] = float(torch.max(tensor).item())
    result["overflow_count"] = overflow_count
    result["sum_overflow_rows"] = sum_overflow_rows
    result["underflow_rows"] = underflow_rows
    result["will_overflow"] = will_overflow
    result["total_values"] = int(tensor.numel())
    return result


# --- question 3 ---
def softmax_with_overflow_detection(x, dtype="float32"):
    # question 2 also finds out about bad input
    analysis = analyze_softmax_safety(x, dtype)

    if isinstance(x, torch.Tensor):
        tensor = x
    else:
        tensor = torch.tensor(np.array(x))
    if dtype == "float16":
        tensor = tensor.to(torch.float16)
    if dtype == "bfloat16":
        tensor = tensor.to(torch.bfloat16)
    if dtype == "float32":
        tensor = tensor.to(torch.float32)
    if dtype == "float64":
        tensor = tensor.to(torch.float64)

    exponentials = torch.exp(tensor)
    row_sums = torch.sum(exponentials, dim=-1, keepdim=True)
    probs = exponentials / row_sums

    has_inf = False
    if torch.any(torch.isinf(exponentials)).item() == True:
        has_inf = True
    if torch.any(torch.isinf(row_sums)).item() == True:
        has_inf = True

    has_nan = False
    if torch.any(torch.isnan(probs)).item() == True:
        has_nan = True

    actual_overflow = False
    if has_inf == True:
        actual_overflow = True
    if has_nan == True:
        actual_overflow = True

    info = {}
    info["predicted_overflow"] = analysis["will_overflow"]
    info["has_inf"] = has_inf
    info["has_nan"] = has_nan
    info["actual_overflow"] = actual_overflow
    print("softmax done, info =", info)
    return probs, info


# --- question 4 ---
def softmax_stress_test(
    seq_lengths, d_models, num_trials=100, dtype="float16", scaled=False, seed=0
):
    random_generator = np.random.default_rng(seed)
    all_results = []
    for seq_len in seq_lengths:
        for d_model in d_models:
            number_of_failures = 0
            list_of_max_scores = []
            for trial_number in range(num_trials):
                Q = random_generator.standard_normal((seq_len, d_model))
                K = random_generator.standard_normal((seq_len, d_model))
                K_transposed = np.transpose(K)
                scores = np.matmul(Q, K_transposed)
                if scaled == True:
                    scores = scores / np.sqrt(d_model)
                list_of_max_scores.append(np.max(scores))
                analysis = analyze_softmax_safety(scores, dtype)
                if analysis["will_overflow"] == True:
                    number_of_failures = number_of_failures + 1
            one_result = {}
            one_result["seq_len"] = seq_len
            one_result["d_model"] = d_model
            one_result["failure_rate"] = number_of_failures / num_trials
            one_result["avg_max_score"] = np.mean(list_of_max_scores)
            all_results.append(one_result)
    return all_results


# --- question 5 ---
def overflowing_qkv(dtype="float16", seq_len=32, d_model=64, seed=0):
    # the best I can do is 4 * 4 in every one of the d_model products
    best_score = 4 * 4 * d_model / np.sqrt(d_model)
    limit = find_overflow_threshold(dtype)
    if best_score <= limit:
        raise ValueError("With entries up to 4 the scores cannot get large enough")
    Q = np.zeros((seq_len, d_model))
    K = np.zeros((seq_len, d_model))
    V = np.zeros((seq_len, d_model))
    Q = Q + 4.0
    K = K + 4.0
    V = V + 1.0
    return (Q, K, V)


# --- question 6 ---
quiz_exp0 = 1
quiz_fp16_threshold = "b"
quiz_naive_1000 = "c"
quiz_why_scale = "d"
