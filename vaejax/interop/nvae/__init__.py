"""The official NVAE code (NVlabs/NVAE): its weights as a model and variables of ours, and back.

    state_dict, args = read_checkpoint("checkpoint.pt")
    model, variables = from_official(state_dict, args)
    noise = model.noise(jax.random.split(jax.random.key(0), len(images)))
    output = model.apply(variables, {"image": images}, noise=noise)

`python -m vaejax.interop.nvae checkpoint.pt DIR` makes a run of it that can be sampled, evaluated
and trained on.
"""

from vaejax.interop.nvae.weights import from_official as from_official
from vaejax.interop.nvae.weights import model_settings as model_settings
from vaejax.interop.nvae.weights import read_checkpoint as read_checkpoint
from vaejax.interop.nvae.weights import to_official as to_official
