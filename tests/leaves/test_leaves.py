"""What users write outside the library is treated like its own: nothing of it names a leaf."""

import copy
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax
from tests.leaves import autoregressive_decoder, bars, configs
from vaejax import sweep
from vaejax.core.importing import imported_names
from vaejax.data import Subset
from vaejax.objectives import elbo
from vaejax.objectives.views import reconstruct
from vaejax.runs import modes
from vaejax.runs.config import ConfigError
from vaejax.runs.kept_config import get_config
from vaejax.runs.loop import train
from vaejax.runs.setup import build, initial_state, step_rng, train_step
from vaejax.training.devices import jit_step, pmap_step

PICTURES = {
    "pixels": {"samples"},
    "conditional": {"reconstructions", "samples"},  # its codes are a label and a vector
}
ALL_PICTURES = {"reconstructions", "samples", "traversals"}
METRIC = {
    "info_gan": ("disentanglement", "disentanglement/mig"),
    "iwae": ("test/bound", "iwae_bound"),
    "frechet": ("test/frechet", "frechet_distance"),
}
OF_THE_BOUND = ("test/bound", "elbo")
SWEPT_WHEN_SLOW = sorted(set(configs.LEAVES) - {"iwae", "pixels"})

pytestmark = pytest.mark.filterwarnings("ignore:.*codes. 40 points")


@pytest.fixture(scope="module", params=configs.LEAVES)
def leaf(request):
    return request.param


@pytest.fixture(scope="module")
def finished(leaf, tmp_path_factory):
    """Folder, configuration and final state of a run that stopped half way and was resumed."""
    workdir, config = tmp_path_factory.mktemp(leaf), configs.get_config(leaf)
    shorter = copy.deepcopy(config)
    shorter.train.num_steps = 2
    train(shorter, workdir)
    return workdir, config, train(config, workdir)


def lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_close(one, other):
    for ours, theirs in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6)


def test_it_trains_is_drawn_and_scored(leaf, finished):
    workdir, _, state = finished
    assert int(state.step) == 4
    drawn = {path.stem for path in (workdir / "figures").glob("*_0000004.png")}
    assert {name.removesuffix("_0000004") for name in drawn} == PICTURES.get(leaf, ALL_PICTURES)
    assert not (workdir / "errors.txt").exists()
    split, metric = METRIC.get(leaf, OF_THE_BOUND)
    values = [line[metric] for line in lines(workdir) if line["split"] == split]
    assert len(values) == 2 and np.isfinite(values).all()
    told = set().union(*lines(workdir))
    assert ("kl" in told) == (leaf not in ("pixels", "info_gan", "iwae"))


def test_it_is_evaluated_and_the_best_checkpoint_is_known(leaf, finished):
    workdir, config, _ = finished
    split, metric = METRIC.get(leaf, OF_THE_BOUND)
    scores = modes.evaluate(config, workdir)
    logged = [line[metric] for line in lines(workdir) if line["split"] == split]
    np.testing.assert_allclose(scores[split][metric], logged[-1], rtol=1e-4)
    best = (np.argmin if config.train.best_metric.startswith("-") else np.argmax)(logged)
    modes.evaluate(config, workdir, "best")
    assert (workdir / f"evaluation_{2 * (best + 1)}.json").exists()


def test_it_is_sampled(leaf, finished):
    workdir, config, _ = finished
    modes.sample(config, workdir, temperature=(0.7,), reestimate=leaf == "normalised")
    images = np.load(workdir / "samples_4.npy")
    assert images.shape == (64, 8, 8, 1) and 0 <= images.min() <= images.max() <= 1
    assert len(np.unique(images.reshape(64, -1), axis=0)) > 32


@pytest.mark.parametrize(
    "leaf",
    ["iwae", "pixels", *(pytest.param(name, marks=pytest.mark.slow) for name in SWEPT_WHEN_SLOW)],
    scope="module",
)
def test_members_of_a_sweep_are_its_single_runs(leaf, finished, tmp_path):
    _, config, state = finished
    config = copy.deepcopy(config)
    rates = {"optimizer.learning_rate": [1e-3, 2e-3]}
    members = sweep.make_members(config, sweep.grid(rates), seeds=[0], workdir=tmp_path)
    sweep.train_members(members)
    single = modes.restored(members[0].config, members[0].workdir)[1]
    assert_close(single.params, state.params)
    rows = sweep.table(members)
    assert len(sweep.overview(rows, config.train.best_metric)) == 2
    sweep.plot_metrics(rows, tmp_path / "metrics.png")


# What each question to a trained model needs of an objective's views.
QUESTIONS = {
    "encode": ("encode",),
    "reconstruct": ("encode", "decode"),
    "interpolate": ("to_noise", "path", "from_noise"),
    "traverse": ("encode", "decode"),
    "sample": ("noise", "from_noise"),
    "log_likelihood": ("noise", "log_weight"),
}


@pytest.mark.parametrize(
    "leaf",
    [
        "autoregressive_decoder",
        "info_gan",
        pytest.param("conditional", marks=pytest.mark.slow),
        pytest.param("pixels", marks=pytest.mark.slow),
    ],
    scope="module",
)
def test_it_is_loaded_and_answers_or_says_why_not(leaf, finished):
    workdir, config, state = finished
    code = set(imported_names(config.to_dict()))
    handle = vaejax.load(workdir, allowed=code)
    assert_close(handle.params, state.ema_params)
    batch = handle.training.batch(np.arange(3))
    images, labels = np.asarray(batch["image"]), np.asarray(batch["label"])
    answers = {
        "encode": lambda: handle.encode(images, labels=labels)[-1].z,
        "reconstruct": lambda: handle.reconstruct(images, labels=labels),
        "interpolate": lambda: handle.interpolate(images, images[::-1], 2),
        "traverse": lambda: handle.traverse(
            images[:1], labels=labels[:1], values=[0.0], group=1 if leaf == "conditional" else None
        ),
        "sample": lambda: handle.sample(3, 0.5),
        "log_likelihood": lambda: handle.log_likelihood(images, 3, labels=labels),
    }
    for question, needed in QUESTIONS.items():
        if all(getattr(handle.objective.views, view) for view in needed):
            answer = answers[question]()
            assert len(answer) and np.isfinite(answer).all()
        else:
            who = f"({question}|interpolation|importance_weighted)"
            told = f"^{who}: expected an objective with the view"
            with pytest.raises(ValueError, match=told):
                answers[question]()
    if leaf == "conditional":
        with pytest.raises(ValueError, match="labels: expected the class of every image, "):
            handle.encode(images)
        np.testing.assert_array_equal(
            handle.encode(images, labels=labels)[1].z,
            handle.encode(Subset(handle.training, np.arange(3)))[1].z,
        )
    if leaf == "pixels":  # exactly, whatever the number of samples
        exact = handle.model.apply(handle.variables, batch).log_px
        np.testing.assert_allclose(handle.log_likelihood(images, 10**9), exact, rtol=1e-5)
    if leaf == "info_gan":
        with pytest.raises(ValueError, match="params: expected a player 'model', got"):
            handle.variables  # noqa: B018


def test_under_pmap_it_has_the_numbers_of_jit(finished):
    _, config, _ = finished
    run = build(config)
    batch = run.source.batch(np.arange(16))
    step = train_step(run.context.objective, run.optimizer, run.settings)
    states = []
    for compiled in (jit_step(step), pmap_step(step)):
        state, metrics = compiled(initial_state(run), batch, step_rng(run.settings))
        state, metrics = compiled(state, batch, step_rng(run.settings))
        states.append((state.params, state.model_state, metrics))
    assert_close(*states)


def test_its_kept_configuration_is_no_way_to_run_code(finished):
    workdir, config, _ = finished
    names = imported_names(json.loads((workdir / "config.json").read_text()))
    assert names["tests.leaves.bars:bars"] == "config.data.name"
    with pytest.raises(ConfigError, match=r"config\.\S+: .* names code that is not vaejax's, "):
        get_config(str(workdir))
    with pytest.raises(ConfigError, match=r"config\.data\.name: "):
        get_config(str(workdir), allowed=set(names) - {"tests.leaves.bars:bars"})
    kept = get_config(str(workdir), allowed=set(names))
    assert kept.to_dict() == config.to_dict()


def test_reconstructions_are_not_the_teacher_forced_pass():
    """A decoder that copies the pixel before and ignores the code: only draws of it show that."""
    model = autoregressive_decoder.PixelVAE((8, 8, 1))
    batch = bars.bars()["train"].batch(np.arange(16))
    objective = elbo(model)
    params, state = objective.init(jax.random.key(0), batch)
    copying = 40.0 * jnp.eye(64, k=1)  # pixel i + 1 as pixel i was
    params["model"]["network"] = {"weights": copying, "bias": jnp.full(64, -20.0)}
    params["model"]["conditional"] = jax.tree.map(jnp.zeros_like, params["model"]["conditional"])
    keys = jax.random.split(jax.random.key(1), 16)
    images = reconstruct(objective.views, params, state, batch, keys)
    assert (np.asarray(images).reshape(16, 64).std(1) == 0).all()  # teacher forced: a bar


def test_a_label_reaches_the_samples_of_a_conditional_model():
    views = build(configs.get_config("conditional")).context.objective.views
    noise = views.noise(jax.random.split(jax.random.key(0), 400))
    label = next(entry for entry in noise if entry.dtype == jnp.int32)
    assert set(np.asarray(label)) == set(range(bars.ROWS))


def test_the_shape_of_an_image_and_the_number_of_labels_come_from_the_data():
    model = build(configs.get_config("conditional")).model
    assert (model.image_shape, model.num_labels) == ((8, 8, 1), bars.ROWS)
    config = configs.get_config("conditional")
    with config.unlocked():
        config.model.num_labels = 9
    with pytest.raises(ConfigError, match=r"config.model.num_labels: expected 8, as the data have"):
        build(config)
