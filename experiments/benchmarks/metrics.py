"""CPU time of the disentanglement metrics, beside straightforward NumPy and scikit-learn versions.

    pip install -e ".[metrics]"
    OMP_NUM_THREADS=1 python experiments/benchmarks/metrics.py
    python experiments/benchmarks/metrics.py --cold

Codes are ten noisy mixtures of dSprites' five factors, for the whole grid of 737,280 images; every
metric runs at the constants of Locatello et al., 2019. For each it prints the CPU seconds of the
first call of ours (which may compile), of a later one and of the NumPy version (medians of rounds
that alternate between them), their ratio, and both scores. Required: 4 times less for the Higgins
and FactorVAE metrics, 20 times for MIG, none slower.

The last rows are the suite with an untrained conv encoder on drawn images: one by one, every NumPy
version draws and encodes the images it asks for, in batches of 64; we encode once, by the
evaluation `disentanglement`, the whole grid or a random part of it (its `num_images`). The time per
image is measured on some thousand images and multiplied. Required: 4 times less.

`--cold` gives the wall time and CPU seconds of every metric of the library but `dci` with trees,
once, in this fresh process and without a compilation cache. Required: 10 seconds on two cores.
"""

import argparse
import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score, roc_auc_score
from sklearn.svm import LinearSVC

from vaejax import create_train_state, data, make_optimizer, models, objectives
from vaejax.core.mesh import data_mesh
from vaejax.data import Subset
from vaejax.data.factor_grid import factors_of, index_of
from vaejax.data.sprites import FACTOR_SIZES
from vaejax.evaluators import Context
from vaejax.evaluators.tables import Tables
from vaejax.metrics import METRICS, Metric

NUM_TRAIN, NUM_TEST, BATCH, BINS = 10_000, 5_000, 64, 20
PART = 200_000  # images
ROUNDS = 3
RNG = jax.random.key(0)


class Suite(NamedTuple):
    """One metric: ours, NumPy's, and how many images the latter asks the encoder for."""

    ours: Metric
    score: str
    numpy: Callable[[np.ndarray, np.random.Generator], float]
    num_images: int


def sample(rng: np.random.Generator, size: int) -> np.ndarray:
    """Random factors [size, F]."""
    return np.stack([rng.integers(n, size=size) for n in FACTOR_SIZES], axis=1)


def look_up(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return codes[index_of(factors, FACTOR_SIZES)]


def beta_vae(codes: np.ndarray, rng: np.random.Generator) -> float:
    points, labels = [], []
    for _ in range(NUM_TRAIN + NUM_TEST):
        label = rng.integers(len(FACTOR_SIZES))
        first, second = sample(rng, BATCH), sample(rng, BATCH)
        second[:, label] = first[:, label]
        points.append(np.abs(look_up(codes, first) - look_up(codes, second)).mean(0))
        labels.append(label)
    x, y = np.array(points), np.array(labels)
    model = LogisticRegression().fit(x[:NUM_TRAIN], y[:NUM_TRAIN])
    return model.score(x[NUM_TRAIN:], y[NUM_TRAIN:])


def factor_vae(codes: np.ndarray, rng: np.random.Generator) -> float:
    variances = look_up(codes, sample(rng, NUM_TRAIN)).var(0, ddof=1)
    votes = np.zeros((2, len(FACTOR_SIZES), codes.shape[1]), int)
    for i in range(NUM_TRAIN + NUM_TEST):
        label, factors = rng.integers(len(FACTOR_SIZES)), sample(rng, BATCH)
        factors[:, label] = factors[0, label]
        local = look_up(codes, factors).var(0, ddof=1) / variances
        votes[int(i >= NUM_TRAIN), label, local.argmin()] += 1
    return votes[1][votes[0].argmax(0), np.arange(codes.shape[1])].sum() / NUM_TEST


def information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    bins = np.stack([np.digitize(z, np.histogram(z, BINS)[1][:-1]) for z in codes.T])
    return np.array([[mutual_info_score(v, b) for v in factors.T] for b in bins])


def mig(codes: np.ndarray, rng: np.random.Generator) -> float:
    factors = sample(rng, NUM_TRAIN)
    shared = np.sort(information(look_up(codes, factors), factors), axis=0)
    entropies = [mutual_info_score(v, v) for v in factors.T]
    return float(((shared[-1] - shared[-2]) / entropies).mean())


def sap(codes: np.ndarray, rng: np.random.Generator) -> float:
    train, test = sample(rng, NUM_TRAIN), sample(rng, NUM_TEST)
    x, x_test = look_up(codes, train), look_up(codes, test)
    scores = np.zeros((codes.shape[1], len(FACTOR_SIZES)))
    for d, k in np.ndindex(*scores.shape):
        model = LinearSVC(C=0.01, class_weight="balanced").fit(x[:, [d]], train[:, k])
        scores[d, k] = model.score(x_test[:, [d]], test[:, k])
    scores.sort(axis=0)
    return float((scores[-1] - scores[-2]).mean())


def modularity_explicitness(codes: np.ndarray, rng: np.random.Generator) -> float:
    train, test = sample(rng, NUM_TRAIN), sample(rng, NUM_TEST)
    x, x_test = look_up(codes, train), look_up(codes, test)
    squared = information(x, train) ** 2
    best = squared.max(1)
    modularity = 1 - (squared.sum(1) - best) / (best * (len(FACTOR_SIZES) - 1))
    x, x_test = (x - x.mean(0)) / x.std(0), (x_test - x.mean(0)) / x.std(0)
    for k in range(len(FACTOR_SIZES)):
        model = LogisticRegression().fit(x, train[:, k])
        for inputs, factors in ((x, train), (x_test, test)):
            roc_auc_score(factors[:, k], model.predict_proba(inputs), multi_class="ovr")
    return float(modularity.mean())


def irs(codes: np.ndarray, rng: np.random.Generator) -> float:
    factors = sample(rng, NUM_TRAIN)
    z = look_up(codes, factors)
    levels = [np.digitize(v, np.histogram(v, BINS)[1][:-1]) for v in factors.T]
    largest, fixed = np.abs(z - z.mean(0)).max(0), []
    for v in levels:
        groups = [z[v == level] for level in np.unique(v)]
        deviations = [np.percentile(np.abs(g - g.mean(0)), 99, axis=0) for g in groups]
        fixed.append(np.mean(deviations, axis=0))
    return float(np.average((1 - np.array(fixed) / largest).max(0), weights=largest))


def unsupervised(codes: np.ndarray, rng: np.random.Generator) -> float:
    z = look_up(codes, sample(rng, NUM_TRAIN))
    covariance = np.cov(z, rowvar=False)
    bins = np.stack([np.digitize(c, np.histogram(c, BINS)[1][:-1]) for c in z.T])
    for a in bins:
        for b in bins:
            mutual_info_score(a, b)
    return float(0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1]))


PAIRS = 2 * BATCH * (NUM_TRAIN + NUM_TEST)
SPLIT = NUM_TRAIN + NUM_TEST
SUITE = {
    "beta_vae": Suite(METRICS["beta_vae_score"], "beta_vae_score", beta_vae, PAIRS),
    "factor_vae": Suite(
        METRICS["factor_vae_score"], "factor_vae_score", factor_vae, PAIRS // 2 + NUM_TRAIN
    ),
    "mig": Suite(METRICS["mig"], "mig", mig, NUM_TRAIN),
    "sap": Suite(METRICS["sap"], "sap", sap, SPLIT),
    "modularity_explicitness": Suite(
        METRICS["modularity_explicitness"], "modularity", modularity_explicitness, SPLIT
    ),
    "irs": Suite(METRICS["irs"], "irs", irs, NUM_TRAIN),
    "unsupervised": Suite(
        METRICS["unsupervised_scores"], "gaussian_total_correlation", unsupervised, NUM_TRAIN
    ),
}


def cpu_seconds(function: Callable[[], float]) -> tuple[float, float]:
    """CPU seconds of a call, and what it returned."""
    start = time.process_time()
    value = function()
    return time.process_time() - start, value


def ours_on(codes: np.ndarray, factors: np.ndarray, entry: Suite) -> float:
    """Our score; metrics that take all rows they are given get as many as NumPy's draw."""
    return called(entry.ours, codes, factors)[entry.score]


def called(metric: Metric, codes: np.ndarray, factors: np.ndarray, **settings: Any) -> dict:
    """What a metric returns, of all rows or, where it draws none itself, of some."""
    rows = np.random.default_rng(0).integers(len(codes), size=NUM_TRAIN)
    some = slice(None) if metric.draws else rows
    columns = {"codes": codes, "log_vars": np.full_like(codes, -2.0), "factors": factors}
    columns["kls"] = np.ones_like(codes)
    drawing = {"rng": RNG} if metric.draws else {}
    return metric(*(columns[name][some] for name in metric.takes), **drawing, **settings)


def given_codes() -> tuple[np.ndarray, np.ndarray]:
    """Ten noisy mixtures [N, 10] of the grid's standardised factors, and the factors [N, F]."""
    factors = factors_of(np.arange(math.prod(FACTOR_SIZES)), FACTOR_SIZES).astype(np.int32)
    rng = np.random.default_rng(0)
    mixing = np.eye(5, 10) + 0.2 * rng.normal(size=(5, 10))
    codes = (factors - factors.mean(0)) / factors.std(0) @ mixing
    return (codes + 0.3 * rng.normal(size=codes.shape)).astype(np.float32), factors


def metric_by_metric() -> tuple[float, float]:
    """Prints a row per metric; the sums of our first calls and of NumPy's CPU seconds."""
    codes, factors = given_codes()
    print(f"{'CPU seconds':<24}{'first':>8}{'later':>8}{'NumPy':>8}{'ratio':>7}    scores")
    totals = np.zeros(3)
    for name, entry in SUITE.items():
        first, _ = cpu_seconds(lambda e=entry: ours_on(codes, factors, e))
        rounds = [
            (
                cpu_seconds(lambda e=entry: ours_on(codes, factors, e)),
                cpu_seconds(lambda e=entry: e.numpy(codes, np.random.default_rng(0))),
            )
            for _ in range(ROUNDS)
        ]
        later, theirs = (float(np.median([r[i][0] for r in rounds])) for i in range(2))
        totals += first, later, theirs
        times = f"{first:>8.2f}{later:>8.4f}{theirs:>8.3f}{theirs / later:>7.1f}"
        print(f"{name:<24}{times}    {rounds[0][0][1]:.3f} {rounds[0][1][1]:.3f}", flush=True)
    print(f"{'all':<24}{totals[0]:>8.2f}{totals[1]:>8.4f}{totals[2]:>8.3f}")
    return totals[0], totals[2]


def encoder_seconds(num_images: int = 4096) -> tuple[float, float]:
    """CPU seconds to draw and encode an image: within a NumPy metric, and by the evaluation."""
    source = data.dsprites()["train"]
    objective = objectives.elbo(models.ConvVAE((64, 64, 1), 10, "locatello"))
    create = jax.jit(create_train_state, static_argnums=(0, 1))
    optimizer = make_optimizer("sgd", learning_rate=1.0)
    state = create(objective, optimizer, RNG, source.batch(np.arange(2)))
    view = objective.views.encode
    encode = jax.jit(lambda batch: view(state.ema_params, {}, batch)[0].posterior.loc)
    indices = np.random.default_rng(0).choice(len(source), num_images, replace=False)
    part = Subset(source, indices)
    context = Context(objective, {"train": part}, data_mesh(jax.devices()[:1]), 0)
    tables = Tables(context, [part], part.factors(np.arange(num_images)), 256, "encoder_seconds")

    def one_by_one() -> None:
        for batch in indices.reshape(-1, BATCH):
            np.asarray(encode(source.batch(batch)))

    def once() -> None:
        tables.of_model(state)

    one_by_one(), once()
    times = [(cpu_seconds(one_by_one)[0], cpu_seconds(once)[0]) for _ in range(ROUNDS)]
    theirs, ours = np.median(times, axis=0) / num_images
    return float(theirs), float(ours)


def with_an_encoder(ours: float, theirs: float) -> None:
    """Prints the cost of the suite with encoding, given that of the metrics alone."""
    per_image, per_image_once = encoder_seconds()
    asked = sum(entry.num_images for entry in SUITE.values())
    one_by_one = theirs + per_image * asked
    print("\nCPU seconds with an encoder")
    print(
        f"  NumPy, {asked:>9,} images for one metric after the other, "
        f"{1e3 * per_image:.3f} ms each{one_by_one:>8.0f}"
    )
    for size in (math.prod(FACTOR_SIZES), PART):
        once = ours + per_image_once * size
        print(
            f"  ours,  {size:>9,} images once, {1e3 * per_image_once:.3f} ms each"
            f"{once:>8.0f}{one_by_one / once:>7.1f} times less"
        )


def cold() -> None:
    """Prints the wall time and CPU seconds of the first call of every metric of one model."""
    jax.config.update("jax_enable_compilation_cache", False)
    codes, factors = given_codes()
    print(f"{'seconds, first call':<26}{'wall':>8}{'CPU':>8}")
    totals = np.zeros(2)
    for name, metric in METRICS.items():
        if metric.slow(metric.settings):
            continue
        start = time.perf_counter(), time.process_time()
        called(metric, codes, factors)
        times = np.array([time.perf_counter(), time.process_time()]) - start
        totals += times
        print(f"{name:<26}{times[0]:>8.2f}{times[1]:>8.2f}", flush=True)
    print(f"{'all':<26}{totals[0]:>8.2f}{totals[1]:>8.2f}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip_encoder", action="store_true", help="only the given codes")
    parser.add_argument("--cold", action="store_true", help="only the first calls of one model")
    args = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ConvergenceWarning)
    if args.cold:
        cold()
        return
    ours, theirs = metric_by_metric()
    if not args.skip_encoder:
        with_an_encoder(ours, theirs)


if __name__ == "__main__":
    main()
