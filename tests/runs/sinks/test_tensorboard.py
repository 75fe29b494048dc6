"""TensorBoard events cost no PyTorch. What they hold: `test_log`."""

import importlib.util

import pytest

from tests.test_imports import run_python

WRITE = """
import sys
sys.path.insert(0, "packages")
from pathlib import Path
import numpy as np
from vaejax.runs.sinks.sink import About
from vaejax.runs.sinks.tensorboard import TensorBoard

events = TensorBoard(About(Path("run"), 0, {}, None, print))
events.metrics(1, "train", {"loss": np.float32(2), "kl_dims": np.ones(3, np.float32)}, rate=3.0)
events.image(1, "grid", np.zeros((4, 4, 3), np.uint8))
events.close()
print("torch" in sys.modules, len(list(Path("run/tensorboard").iterdir())))
import torch  # which a program may use of its own
print(torch.loaded)
"""


@pytest.mark.skipif(not importlib.util.find_spec("tensorboardX"), reason="needs tensorboardX")
@pytest.mark.parametrize("before", ["", "import sys; sys.path.insert(0, 'packages'); import torch"])
def test_torch_is_not_imported_where_it_is_installed(tmp_path, before):
    (tmp_path / "packages" / "torch").mkdir(parents=True)
    text = "loaded = True\nclass Tensor: pass\n"
    (tmp_path / "packages" / "torch" / "__init__.py").write_text(text)
    printed = run_python(f"{before}\n{WRITE}", tmp_path)
    assert printed.splitlines() == [f"{bool(before)} 1", "True"]
