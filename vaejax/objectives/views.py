"""From a model's methods to the views of an objective, and what follows from views alone.

A model is a flax module; every method but the call itself may be missing, and so is then the view.

    __call__(batch, *, noise=None, codes=None, train=False) -> VAEOutput
    noise(keys [n]) -> Noise                        looks at no parameters (`flax.linen.nowrap`)
    from_noise(noise, temperature=1.0, draw=False[, train=False]) -> images
    to_noise(batch) -> Noise
    encode(batch, noise=None) -> tuple[Latent, ...]
    decode(codes, keys [n], temperature=1.0) -> images
    prior_codes(noise) -> codes
    complete(batch, known [n, H, W], noise, temperature=1.0) -> images
    num_dims                                        pixels times channels scored, if not all are

A model whose posterior has parameters that nothing else depends on names their top-level subtrees,
`posterior_parts`: what gradient estimators need that tell q from p(x, z).

Without `noise` a model is given `{"key": keys}` and draws what it needs itself. `train` in
`from_noise` says that batch statistics can be those of samples.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.nn.spherical_path import spherical_path
from vaejax.types import Array, Batch, Codes, ModelState, Noise, Params, Temperature, Views

PLAYER = "model"
USES = ("latent", "pixels", "dequantise")  # of noise, in the order in which views hand it around

Entries = tuple[Array, ...]


def need(views: Views, name: str, who: str) -> Callable[..., Any]:
    """The view of that name; a ValueError that says who needs it, where there is no such."""
    view = getattr(views, name)
    if view is None:
        there = [field for field in Views._fields if callable(getattr(views, field))]
        raise ValueError(f"{who}: expected an objective with the view {name!r}, got {there}")
    return view


def variables_of(params: Params, model_state: ModelState) -> dict[str, Any]:
    """What `model.apply` takes, of a model that is the player `model`.

    Raises:
        ValueError: there is no such player.
    """
    if PLAYER not in params:
        raise ValueError(f"params: expected a player {PLAYER!r}, got {sorted(params)}")
    return {"params": params[PLAYER], **model_state}


def noise_of(model: Any, keys: Array) -> Noise:
    """All that is random in a pass of a model, from one key per example [B]."""
    return model.noise(keys) if hasattr(model, "noise") else {"key": keys}


@functools.lru_cache(maxsize=32)
def views_of(model: Any) -> Views:
    """The views of a model that is the player `model`; the same object for equal models."""
    pack = _Packing(model)

    def apply(method: str, params: Params, model_state: ModelState, *args: Any, **kwargs: Any):
        return model.apply(variables_of(params, model_state), *args, method=method, **kwargs)

    def noise(keys: Array) -> Entries:
        return pack.entries(noise_of(model, keys))

    def from_noise(
        params, model_state, noise: Entries, temperature: Temperature = 1.0, *, draw: bool = False
    ) -> Array:
        given = {"temperature": temperature, "draw": draw}
        return apply("from_noise", params, model_state, pack.noise(noise), **given)

    def to_noise(params, model_state, batch: Batch) -> Entries:
        return pack.entries(apply("to_noise", params, model_state, batch))

    def path(first: Entries, second: Entries, num_steps: int) -> Entries:
        ends = pack.noise(first), pack.noise(second)
        return pack.entries(_path(*ends, num_steps))

    def encode(params, model_state, batch: Batch, noise: Entries | None = None):
        given = None if noise is None else pack.noise(noise)
        return apply("encode", params, model_state, batch, given)

    def decode(params, model_state, codes: Codes, keys: Array, temperature: Temperature = 1.0):
        return apply("decode", params, model_state, codes, keys, temperature)

    def prior_codes(params, model_state, noise: Entries) -> Codes:
        return apply("prior_codes", params, model_state, pack.noise(noise))

    def complete(
        params,
        model_state,
        batch: Batch,
        known: Array,
        noise: Entries,
        temperature: Temperature = 1.0,
    ) -> Array:
        given = known, pack.noise(noise), temperature
        return apply("complete", params, model_state, batch, *given)

    def log_weight(params, model_state, batch: Batch, noise: Entries) -> Array:
        output = apply("__call__", params, model_state, batch, noise=pack.noise(noise))
        return output.log_weight

    def adapt(params, model_state, noise: Entries, temperature: Temperature = 1.0) -> ModelState:
        given = {"temperature": temperature, "train": True, "mutable": ["batch_stats"]}
        _, changed = apply("from_noise", params, model_state, pack.noise(noise), **given)
        return {**model_state, **changed}

    of_methods = (from_noise, to_noise, encode, decode, prior_codes, complete)
    methods = {view.__name__: view for view in of_methods}
    there: dict[str, Any] = {name: view for name, view in methods.items() if hasattr(model, name)}
    if "from_noise" in there and "train" in inspect.signature(model.from_noise).parameters:
        there["adapt"] = adapt
    if "latent" in pack.uses:
        there["path"] = path
    num_dims = getattr(model, "num_dims", None)
    return Views(noise=noise, log_weight=log_weight, num_dims=num_dims, **there)


class _Packing:
    """Between a model's noise by use and the tuple of arrays that views hand around."""

    def __init__(self, model: Any):
        one = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 1))
        shapes = jax.eval_shape(functools.partial(noise_of, model), one)
        known = [use for use in USES if use in shapes]
        self.uses = (*known, *sorted(set(shapes) - set(known)))
        self._structure = jax.tree.structure([shapes[use] for use in self.uses])

    def entries(self, noise: Noise) -> Entries:
        return tuple(jax.tree.leaves([noise[use] for use in self.uses]))

    def noise(self, entries: Entries) -> Noise:
        parts = jax.tree.unflatten(self._structure, entries)
        return dict(zip(self.uses, parts, strict=True))


def _path(first: Noise, second: Noise, num_steps: int) -> Noise:
    """Noise [n, T, ...] on the way: latents along a great circle, all else as `first` has it."""

    def held(x: Array) -> Array:
        return jnp.broadcast_to(x[:, None], (x.shape[0], num_steps, *x.shape[1:]))

    way = {use: jax.tree.map(held, noise) for use, noise in first.items() if use != "latent"}
    between = functools.partial(spherical_path, num_steps=num_steps)
    return way | {"latent": jax.tree.map(between, first["latent"], second["latent"])}


def reconstruct(
    views: Views, params: Params, model_state: ModelState, batch: Batch, keys: Array
) -> Array:
    """Images [B, H, W, C] decoded from the mean codes of a batch.

    The codes alone are decoded: a decoder that looks at the image itself (an autoregressive one,
    given the true pixels) would show how well it copies.

    Args:
        views: with `encode` and `decode`.
        params: of all players.
        model_state: as it is.
        batch: what to reconstruct.
        keys: [B], for what is drawn.
    """
    latents = need(views, "encode", "reconstructions")(params, model_state, batch)
    codes = tuple(latent.z for latent in latents)
    return need(views, "decode", "reconstructions")(params, model_state, codes, keys)


def interpolate(
    views: Views,
    params: Params,
    model_state: ModelState,
    first: Batch,
    second: Batch,
    num_steps: int,
) -> Array:
    """Images [B, T, H, W, C] on the way from those of one batch to those of another.

    The way is through the noise that stands for the posterior means. Noise is N(0, I) whatever the
    groups above, which codes of a hierarchy are not, and the great circle between two draws of it
    keeps their length, while the middle of the straight line is shorter than any draw by sqrt(2)
    (White, Sampling generative networks, 2016). The ends are the reconstructions.

    Args:
        views: with `to_noise`, `path` and `from_noise`.
        params: of all players.
        model_state: as it is.
        first: a batch of B images.
        second: another of as many.
        num_steps: T >= 2, both ends included.
    """
    check_counts(num_steps=(num_steps, 2))
    to_noise = need(views, "to_noise", "interpolation")
    ends = [to_noise(params, model_state, batch) for batch in (first, second)]
    way = need(views, "path", "interpolation")(*ends, num_steps)
    flat = tuple(entry.reshape(-1, *entry.shape[2:]) for entry in way)
    images = need(views, "from_noise", "interpolation")(params, model_state, flat)
    return images.reshape(-1, num_steps, *images.shape[1:])
