"""Disentanglement of a model's codes: encode every image once, then look codes up for all metrics.

Higgins et al., 2017, table 1 (baselines); Locatello et al., 2019 (metrics and their constants).
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import metrics
from vaejax.data import Source, eval_batches
from vaejax.evaluators.baselines import ica, pca, pixels
from vaejax.evaluators.context import Context, Evaluator, some_examples
from vaejax.metrics.split import disjoint_rows
from vaejax.parallel import batch_sharding
from vaejax.train_state import TrainState
from vaejax.types import Array

BASELINES = ("ground_truth", "ica", "pca", "pixels", "untrained")
NUM_FIT = 2_000  # images that PCA and ICA are fitted to
CPU_BATCH = 16  # images whose activations stay in the processor's cache


class Table(NamedTuple):
    """The codes of N images: posterior means and log-variances [N, D], and factors [N, F]."""

    means: np.ndarray
    log_vars: np.ndarray
    factors: np.ndarray


def disentanglement(
    context: Context,
    *,
    scores: Mapping[str, Mapping[str, Any]],
    num_images: int | None = None,
    num_points: int = 10_000,
    num_repeats: int = 5,
    baselines: Sequence[str] = (),
    batch_size: int = 256,
) -> Evaluator:
    """Metrics of `vaejax.metrics` on the posterior means of all splits together.

    Args:
        context: of the run; its data have ground-truth factors. Those held fixed do not count.
        scores: metrics by name, with their arguments: `{"mig": {"num_bins": 20}, "sap": {}}`.
        num_images: how many images to encode, always the same random ones; None encodes all.
        num_points: rows drawn for every repeat of a metric that does not draw rows itself.
        num_repeats: R, how often each metric is computed, with new rows.
        baselines: codes that are scored beside the model's, of "ground_truth", "ica", "pca",
            "pixels" and "untrained"; they do not change, so only the first evaluation has them.
        batch_size: images per batch over all devices.

    Returns:
        An evaluator that yields `disentanglement/<score>`, the mean over repeats, and with
        `_std` their standard deviation, with `_low` and `_high` a 95 % bootstrap interval of the
        mean; `disentanglement/<baseline>/<score>` likewise; and `num_images`.
    """
    functions = {name: _checked(name, kwargs) for name, kwargs in scores.items()}
    for baseline in baselines:
        if baseline not in BASELINES:
            raise ValueError(f"baselines: expected some of {BASELINES}, got {baseline!r}")
    for name, value in (("num_points", num_points), ("num_repeats", num_repeats)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    if batch_size < 1 or batch_size % context.mesh.size:
        raise ValueError(
            f"batch_size: expected a multiple of {context.mesh.size} devices, got {batch_size}"
        )
    sources = [_part(source, num_images, context) for source in context.splits.values()]
    if not sources[0].factor_names:
        raise ValueError("scores: expected data with ground-truth factors, got none")
    factors = [source.factors(np.arange(len(source))) for source in sources]
    factors = varying(np.concatenate(factors))
    tables = Tables(context, sources, factors, batch_size)
    left = list(baselines)

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        rng = jax.random.key(context.seed)
        yield from summaries("disentanglement", _repeat(tables.of_model(state)))
        while left:
            baseline = left.pop(0)
            table = tables.of_baseline(baseline, state, rng)
            yield from summaries(f"disentanglement/{baseline}", _repeat(table))
        yield "num_images", len(factors)

    def _repeat(table: Table) -> dict[str, list[float]]:
        return repeated(functions, table, jax.random.key(context.seed), num_points, num_repeats)

    return evaluate


def repeated(
    functions: Mapping[str, Callable[..., dict]],
    table: Table,
    rng: Array,
    num_points: int,
    num_repeats: int,
) -> dict[str, list[float]]:
    """Every scalar that the metrics return, as often as they are repeated.

    Args:
        functions: metrics by name.
        table: what they are given. Those that take a key draw their rows themselves.
        rng: key.
        num_points: rows for the others.
        num_repeats: R.
    """
    results: dict[str, list[float]] = {}
    for repeat in range(num_repeats):
        keys = jax.random.split(jax.random.fold_in(rng, repeat), len(functions) + 1)
        num_images = len(table.means)
        rows, _ = disjoint_rows(keys[-1], num_images, min(num_points, num_images), 0)
        for key, function in zip(keys, functions.values(), strict=False):
            wanted = inspect.signature(function).parameters
            inputs = table if "rng" in wanted else Table(*(part[rows] for part in table))
            given = {**inputs._asdict(), "codes": inputs.means, "rng": key}
            result = function(**{name: given[name] for name in wanted if name in given})
            for name, value in result.items():
                if np.ndim(value) == 0:
                    results.setdefault(name, []).append(float(value))
    return results


def varying(factors: np.ndarray) -> np.ndarray:
    """The columns of factors [N, F] that take more than one value."""
    return factors[:, factors.max(0) > factors.min(0)]


def summaries(prefix: str, results: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, float]]:
    """Mean, standard deviation and 95 % bootstrap interval of repeated scores, by name."""
    for i, (name, values) in enumerate(results.items()):
        low, high = metrics.bootstrap_interval(values, rng=jax.random.key(i))
        yield f"{prefix}/{name}", float(np.mean(values))
        yield f"{prefix}/{name}_std", float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        yield f"{prefix}/{name}_low", low
        yield f"{prefix}/{name}_high", high


class Tables:
    """Makes tables of codes, of a model or a baseline, over the same images.

    Args:
        context: of the run.
        sources: the images, in the order of `factors`.
        factors: [N, F].
        batch_size: images per batch over all devices.
    """

    def __init__(
        self, context: Context, sources: Sequence[Source], factors: np.ndarray, batch_size: int
    ):
        self._context, self._sources, self._factors = context, sources, factors
        self._batch_size = batch_size
        on_cpu = context.mesh.size == 1 and context.mesh.devices.flat[0].platform == "cpu"
        self._encode = self._encode_batch = _encoder(context.model)
        if on_cpu and batch_size % CPU_BATCH == 0:
            self._encode_batch = _encoder_by_parts(context.model)

    def of_model(self, state: TrainState) -> Table:
        """Of the averaged parameters."""
        params = state.ema_params["model"]
        return self._table(lambda images: self._encode_batch(params, state.model_state, images))

    def of_baseline(self, name: str, state: TrainState, rng: Array) -> Table:
        """Of one of `BASELINES`; it has as many codes as the model, where that can be chosen."""
        if name == "ground_truth":
            codes = self._factors.astype(np.float32)
            return Table(codes, np.full_like(codes, -10.0), self._factors)
        some = some_examples(self._sources[0], NUM_FIT)
        images = some.images(np.arange(len(some)))
        if name == "untrained":
            params, model_state = jax.jit(self._context.objective.init)(rng, {"image": images[:1]})
            return self._table(lambda x: self._encode_batch(params["model"], model_state, x))
        if name == "pixels":
            represent = pixels(self._sources[0].image_shape)
        else:
            latent_size = self._latent_size(state, images)
            fit = {"pca": pca, "ica": functools.partial(ica, rng=rng)}[name]
            represent = fit(np.asarray(images), latent_size)

        def narrow(images: Array) -> tuple[Array, Array]:  # a code without noise
            codes = represent(images)
            return codes, jnp.full_like(codes, -10.0)

        return self._table(jax.jit(narrow))

    def _latent_size(self, state: TrainState, images: Array) -> int:
        """D, the number of the model's codes."""
        shapes = jax.eval_shape(
            self._encode, state.ema_params["model"], state.model_state, images[:1]
        )
        return shapes[0].shape[1]

    def _table(self, represent: Callable[[Array], tuple[Array, Array]]) -> Table:
        sharding, means, log_vars = batch_sharding(self._context.mesh), [], []
        for source in self._sources:
            for batch in eval_batches(source, self._batch_size, sharding=sharding):
                real = np.asarray(batch["mask"]) > 0
                mean, log_var = jax.device_get(represent(batch["image"]))
                means.append(mean[real])
                log_vars.append(log_var[real])
        return Table(np.concatenate(means), np.concatenate(log_vars), self._factors)


@functools.lru_cache(maxsize=8)
def _encoder(model: Any) -> Callable[..., tuple[Array, Array]]:
    """Means and log-variances of images, compiled once for all runs that share a model."""

    @jax.jit
    def encode(params: Any, model_state: Any, images: Array) -> tuple[Array, Array]:
        latents = model.apply({"params": params, **model_state}, images, method="encode")
        if len(latents) != 1 or latents[0].z.ndim != 2:
            raise ValueError("model: expected one group of latents [B, D]")
        posterior = latents[0].posterior
        return posterior.loc, 2.0 * jnp.log(posterior.scale)

    return encode


@functools.lru_cache(maxsize=8)
def _encoder_by_parts(model: Any) -> Callable[..., tuple[Array, Array]]:
    """As `_encoder`, of a multiple of `CPU_BATCH` images, so many at a time."""
    encode = _encoder(model)

    @jax.jit
    def encode_by_parts(params: Any, model_state: Any, images: Array) -> tuple[Array, Array]:
        parts = images.reshape(-1, CPU_BATCH, *images.shape[1:])
        codes = jax.lax.map(lambda part: encode(params, model_state, part), parts)
        return jax.tree.map(lambda array: array.reshape(len(images), -1), codes)

    return encode_by_parts


def _part(source: Source, num_images: int | None, context: Context) -> Source:
    """This split's share of `num_images` images."""
    if num_images is None:
        return source
    if num_images < 2:
        raise ValueError(f"num_images: expected at least 2 or None, got {num_images}")
    total = sum(len(split) for split in context.splits.values())
    return some_examples(source, max(1, round(num_images * len(source) / total)))


def _checked(name: str, kwargs: Mapping[str, Any]) -> Callable[..., dict]:
    """The metric of that name with its arguments, if there is one that takes them."""
    given = {"codes", "means", "log_vars", "factors", "rng"}
    offered = {
        public: function
        for public, function in vars(metrics).items()
        if inspect.isfunction(function)
        and {"codes", "means"} & set(inspect.signature(function).parameters)
        and "kls" not in inspect.signature(function).parameters  # udr compares several models
    }
    if name not in offered:
        raise ValueError(f"scores: expected some of {sorted(offered)}, got {name!r}")
    valid = [key for key in inspect.signature(offered[name]).parameters if key not in given]
    for key in kwargs:
        if key not in valid:
            raise ValueError(f"scores.{name}.{key}: unknown; expected some of {valid}")
    return functools.partial(offered[name], **kwargs)
