"""Files that PyTorch wrote are read without it, and nothing else is run."""

import argparse
import collections
import os
import pickle
import zipfile

import numpy as np
import pytest

from vaejax.interop.torch_file import read_torch_file


def test_what_pytorch_saved(tmp_path):
    torch = pytest.importorskip("torch", reason="needs PyTorch to write a file")
    weight = torch.arange(12.0).reshape(3, 4)
    saved = {
        "state_dict": collections.OrderedDict(
            weight=torch.nn.Parameter(weight),
            transposed=weight.T,
            last_row=weight[2],
            counter=torch.tensor(7),
            half=torch.tensor([1.5, -2.0]).half(),
            brain=torch.tensor([1.5, -3.0]).bfloat16(),
            empty=torch.zeros(0, 3),
        ),
        "args": argparse.Namespace(num_nf=1, dataset="mnist", use_se=True),
        "epoch": 3,
        "nested": [(1, None), {"a": 2.5}],
    }
    torch.save(saved, tmp_path / "checkpoint.pt")
    read = read_torch_file(tmp_path / "checkpoint.pt")
    for name, tensor in saved["state_dict"].items():
        expected = tensor.detach().float().numpy()
        np.testing.assert_array_equal(read["state_dict"][name], expected)
    assert read["state_dict"]["counter"].dtype == np.int64
    assert vars(read["args"]) == {"num_nf": 1, "dataset": "mnist", "use_se": True}
    assert (read["epoch"], read["nested"]) == (3, [(1, None), {"a": 2.5}])


class Malicious:
    def __reduce__(self):
        return os.system, ("echo harm",)


@pytest.mark.parametrize(
    "harm", [Malicious(), os.path.join, np.float64(1.0)], ids=("call", "function", "numpy")
)
def test_anything_else_is_refused(tmp_path, harm):
    with zipfile.ZipFile(tmp_path / "checkpoint.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": harm}))
    with pytest.raises(ValueError, match="path: expected tensors and plain containers, got a"):
        read_torch_file(tmp_path / "checkpoint.pt")


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "text.pt").write_text("text")
    with pytest.raises(ValueError, match="path: expected a checkpoint of PyTorch"):
        read_torch_file(tmp_path / "text.pt")
    with zipfile.ZipFile(tmp_path / "empty.pt", "w") as archive:
        archive.writestr("archive/version", "3")
    with pytest.raises(ValueError, match="path: expected one data.pkl"):
        read_torch_file(tmp_path / "empty.pt")
