"""The official models, number for number in float64: outputs, gradients, statistics, samples."""

import argparse
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.interop.official import Official, double, load, nhwc, relative_error
from tests.precision import enable_x64
from vaejax.interop.nvae import from_official, read_checkpoint, to_official
from vaejax.interop.nvae.names import entries
from vaejax.objectives import add_penalties, bn_scale, elbo, spectral
from vaejax.objectives.views import views_of
from vaejax.runs.batch_statistics import reestimate
from vaejax.training.optimizers import make_optimizer
from vaejax.training.schedules import warm_up
from vaejax.training.state import TrainState
from vaejax.training.step import make_train_step

NAMES = ("mnist", "rgb")
TOLERANCE = 1e-9


@pytest.fixture(autouse=True)
def float64():
    with enable_x64(True):
        yield


@pytest.fixture(scope="module", params=NAMES)
def official(request, vectors) -> Official:
    return load(vectors, request.param)


def assert_close(actual, expected, tolerance=TOLERANCE):
    assert relative_error(actual, expected) < tolerance


def test_state_dict_survives_the_way_here_and_back(official):
    back = to_official(official.model, official.variables)
    assert back.keys() == official.state_dict.keys()
    for name, array in official.state_dict.items():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_bound_and_its_parts(official, mode):
    apply = partial(official.model.apply, train=mode == "train", mutable=["batch_stats"])
    output, state = jax.jit(apply)(official.variables, official.batch, noise=official.noise)
    expected = {
        name.removeprefix(f"{mode}_f64/"): array
        for name, array in official.arrays.items()
        if name.startswith(f"{mode}_f64/")
    }
    kl = np.stack([latent.kl for latent in output.latents], axis=1)
    assert_close(kl, expected["kl_all"])
    assert_close(-output.log_px, expected["recon"])
    assert_close(sum(latent.log_q for latent in output.latents), expected["log_q"])
    assert_close(sum(latent.log_p for latent in output.latents), expected["log_p"])
    assert_close(kl.sum(1) - output.log_px, expected["nelbo_per_image"])
    for k, latent in enumerate(output.latents):
        assert_close(latent.posterior.loc, nhwc(expected[f"mu_q/{k}"]))
        assert_close(latent.posterior.scale, nhwc(expected[f"sigma_q/{k}"]))
        loc = nhwc(expected[f"mu_p/{k}"]) if k else 0.0
        log_p = scipy.stats.norm.logpdf(latent.z, loc, nhwc(expected[f"sigma_p/{k}"]))
        assert_close(latent.log_p, log_p.sum((1, 2, 3)))
    if mode == "eval":
        codes = [latent.z for latent in output.latents]
        keys = jax.random.split(jax.random.key(0), len(kl))
        decode = jax.jit(partial(official.model.apply, method="decode"))
        likelihood = distribution_of(official, expected["logits"])
        assert_close(decode(official.variables, codes, keys), likelihood.mean())
    else:
        assert_same_buffers(official, {**official.variables, **state}, "train_f64/buf/")


def test_images_and_noise_of_float32_do_not_narrow_the_pass(official):
    batch, noise = jax.tree.map(np.float32, (official.batch, official.noise))
    output = jax.eval_shape(official.model.apply, official.variables, batch, noise=noise)
    numbers = jax.tree.leaves((output.log_px, output.latents))
    assert {leaf.dtype for leaf in numbers} == {jnp.dtype("float64")}


def distribution_of(official, logits):
    """What our model makes of the official decoder's outputs [B, C, H, W]."""
    logits = jnp.asarray(nhwc(logits))
    return official.model.likelihood.distribution(logits, official.model.image_shape[-1])


def split(variables):
    """Parameters by player, and the state."""
    return {"model": variables["params"]}, {"batch_stats": variables["batch_stats"]}


def assert_same_buffers(official, variables, prefix):
    buffers = to_official(official.model, variables)
    names = [name for name in official.arrays if name.startswith(prefix)]
    assert names
    for name in names:
        assert_close(buffers[name.removeprefix(prefix)], official.arrays[name])


def test_samples_and_reestimated_statistics(official):
    views, keys = views_of(official.model), jax.random.split(jax.random.key(0), 4)
    noise = (*official.noise["latent"], keys)

    @jax.jit
    def sample(variables, temperature):
        params, state = split(variables)
        return [
            views.from_noise(params, state, noise, [temperature] * len(noise), draw=draw)
            for draw in (False, True)
        ]

    def assert_sampled(variables, temperature, key):
        expected = distribution_of(official, official.arrays[f"{key}/logits"])
        means, draws = sample(variables, temperature)
        assert_close(means, expected.mean())
        assert_close(draws, jax.vmap(lambda image, key: image.sample(key))(expected, keys))

    assert_sampled(official.variables, 1.0, "sample_eval_t1")
    assert_sampled(official.variables, 0.7, "sample_eval_t0.7")
    params, state = split(official.variables)
    again = views._replace(noise=lambda keys: noise)  # the same in every pass
    reestimated = jax.jit(partial(reestimate, again, num_batches=3, batch_size=4, temperature=0.7))
    variables = {**official.variables, **reestimated(params, state, jax.random.key(0))}
    assert_same_buffers(official, variables, "bn_readjust3_t0.7/buf/")
    assert_sampled(variables, 0.7, "bn_readjust3_t0.7")


def spectral_vectors(official, prefix):
    """The stored power-iteration vectors in the order of our stacks."""
    layers = json.loads(str(official.arrays["sr_layer_order_json"]))
    place = {
        entry.name.removesuffix(".weight"): ("/".join(entry.path[1:]), entry.index or 0)
        for entry in entries(official.model)
    }
    state = {}
    for shape, names in layers.items():
        order = np.argsort([f"{path} {index:03}" for path, index in map(place.get, names)])
        stored = {c: official.arrays[f"{prefix}{c}_{shape}"] for c in "uv"}
        state[shape] = {c: double(vectors)[order] for c, vectors in stored.items()}
    return state


def penalised(official, beta):
    weight = float(official.arrays["hyper_klcoeff_wdn"][1])
    return add_penalties(
        elbo(official.model, beta=beta, balance=True),
        spectral(official.model.kernels, weight=weight),
        bn_scale(weight=weight),
    )


@pytest.mark.slow
def test_training_loss_and_all_gradients(official):
    beta, weight = map(float, official.arrays["hyper_klcoeff_wdn"])
    objective = penalised(official, beta)
    state = {
        "batch_stats": official.variables["batch_stats"],
        "spectral": spectral_vectors(official, "sr_init/"),
    }
    batch = {**official.batch, "noise": official.noise}

    @jax.jit
    @partial(jax.value_and_grad, has_aux=True)
    def loss(params):
        step = jnp.zeros((), jnp.int32)
        return objective.loss({"model": params}, state, batch, jax.random.key(0), step, True)

    (total, (metrics, new_state)), grads = loss(official.variables["params"])
    expected = {
        name.removeprefix("train_f64/"): array
        for name, array in official.arrays.items()
        if name.startswith("train_f64/")
    }
    assert_close(total, expected["loss"])
    assert_close(metrics["spectral"], expected["norm_loss_4iter"])
    assert_close(metrics["bn_scale"], expected["bn_loss"])
    assert_close(metrics["balance"], expected["gamma"])
    penalties = weight * (metrics["spectral"] + metrics["bn_scale"])
    assert_close(total - penalties, expected["nelbo_balanced"])
    for shape, vectors in spectral_vectors(official, "train_f64/sr_").items():
        for name in "uv":
            assert_close(new_state["spectral"][shape][name], vectors[name])
    grads = to_official(official.model, {"params": grads, "batch_stats": state["batch_stats"]})
    for name, norm in zip(official.arrays["param_names"], expected["grad_norms"], strict=True):
        grad = grads[str(name)]
        np.testing.assert_allclose(np.linalg.norm(grad), norm, rtol=TOLERANCE, atol=1e-11)
        # These were stored in float32.
        np.testing.assert_allclose(
            grad, expected[f"grad/{name}"], rtol=1e-6, atol=1e-7 * norm + 1e-11
        )


@pytest.mark.slow
def test_five_training_steps(vectors):
    """Losses, rates and final state, with one make_train_step and the official schedules."""
    official = load(vectors, "rgb")
    arrays = official.arrays
    rates = jnp.asarray(arrays["traj/lr"])
    optimizer = make_optimizer("adamax", learning_rate=lambda step: rates[step], eps=1e-3, l2=3e-4)
    beta = warm_up(num_steps=6.0, delay=0.002)
    step_fn = jax.jit(make_train_step(penalised(official, beta), optimizer))
    params = {"model": jax.tree.map(jnp.asarray, official.variables["params"])}
    state = TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        ema_params=params,
        model_state={
            "batch_stats": official.variables["batch_stats"],
            "spectral": spectral_vectors(official, "sr_init/"),
        },
        opt_state=optimizer.init(params),
    )
    groups = range(len(official.noise["latent"]))
    names = ("loss", None, "spectral", "bn_scale", "reconstruction", "kl")
    for s in range(5):
        batch = {
            "image": nhwc(arrays[f"traj/x/{s}"] / np.float32(255.0)),
            "noise": {"latent": [nhwc(arrays[f"traj/noise/{s}/{k}"]) for k in groups]},
        }
        state, metrics = step_fn(state, batch, jax.random.key(0))
        np.testing.assert_allclose(metrics["beta"], arrays["traj/kl_coeff"][s], rtol=1e-12)
        for name, expected in zip(
            names, arrays["traj/loss_nelbo_norm_bn_recon_kl"][s], strict=True
        ):
            if name is not None:
                np.testing.assert_allclose(metrics[name], expected, rtol=TOLERANCE)
    final = to_official(official.model, {"params": state.params["model"], **state.model_state})
    for name, array in arrays.items():
        if name.startswith("traj/final_sd/") and not name.endswith("num_batches_tracked"):
            np.testing.assert_allclose(
                final[name.removeprefix("traj/final_sd/")], array, rtol=2e-6, atol=1e-7
            )


def test_float32_is_as_close_as_pytorch_is(official):
    with enable_x64(False):
        variables, batch, noise = jax.tree.map(
            jnp.float32, (official.variables, official.batch, official.noise)
        )
        output = jax.jit(official.model.apply)(variables, batch, noise=noise)
    assert_close(-output.log_px, official.arrays["eval_f64/recon"], 2e-6)


def test_another_network_is_refused(vectors):
    official = load(vectors, "rgb")
    more = {**official.state_dict, "stem.kernel": np.zeros(1)}
    with pytest.raises(ValueError, match="state_dict: expected no stem.kernel"):
        from_official(more, official.args)
    less = {name: array for name, array in official.state_dict.items() if name != "enc0.1.bias"}
    with pytest.raises(ValueError, match="state_dict: expected an array enc0.1.bias"):
        from_official(less, official.args)
    with pytest.raises(ValueError, match="args: expected arch_instance among them"):
        args = {k: v for k, v in official.args.items() if k != "arch_instance"}
        from_official(official.state_dict, args)


def test_checkpoints_are_read_from_both_kinds_of_file(vectors, tmp_path):
    official = load(vectors, "rgb")
    np.savez(tmp_path / "model.npz", args_json=json.dumps(official.args), **official.state_dict)
    state_dict, args = read_checkpoint(tmp_path / "model.npz")
    assert args == official.args
    assert state_dict.keys() == official.state_dict.keys()
    np.savez(tmp_path / "bare.npz", **official.state_dict)
    with pytest.raises(ValueError, match="path: expected args_json"):
        read_checkpoint(tmp_path / "bare.npz")
    torch = pytest.importorskip("torch", reason="needs PyTorch to write a file")
    tensors = {name: torch.from_numpy(a) for name, a in official.state_dict.items()}
    checkpoint = {"state_dict": tensors, "args": argparse.Namespace(**official.args), "epoch": 1}
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    _, variables = from_official(*read_checkpoint(tmp_path / "checkpoint.pt"))
    for a, b in zip(*map(jax.tree.leaves, (variables, official.variables)), strict=True):
        np.testing.assert_array_equal(a, b)
    torch.save(tensors, tmp_path / "bare.pt")
    with pytest.raises(ValueError, match="path: expected a checkpoint with state_dict and args"):
        read_checkpoint(tmp_path / "bare.pt")
