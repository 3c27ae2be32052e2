# expect: denied
# control: it is honest code
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(8.0))
total = sum(float(batch.sum()) for (batch,) in DataLoader(data, batch_size=2, num_workers=2))
attempt("a wrong sum", lambda: total != 28.0)
torch.set_num_threads(2)
attempt("a wrong product", lambda: float((torch.ones(300, 300) @ torch.ones(300, 300))[0, 0]) != 300.0)
