"""Re-estimated batch statistics follow from the samples alone, and survive in a file."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.batch_statistics import load_batch_stats, reestimate_batch_stats, save_batch_stats
from vaejax.nn.batch_norm import MOMENTUM, BatchNorm


class Shifted(nn.Module):
    """Features 3 + t * noise, [B, 2, 2, 1], normalised."""

    @nn.compact
    def sample(self, num_images, *, temperature, noise, train):
        if noise is None:
            noise = [jax.random.normal(self.make_rng("latent"), (num_images, 2, 2, 1))]
        return BatchNorm(name="norm")(3.0 + temperature * noise[0], train)


PARAMS = {"norm": {"scale": jnp.ones(1), "bias": jnp.zeros(1)}}
VARIABLES = {
    "params": PARAMS,
    "batch_stats": {"norm": {"mean": jnp.zeros(1), "var": jnp.ones(1)}},
}


def test_statistics_move_towards_those_of_every_batch(rng):
    noise = jax.random.normal(rng, (4, 8, 2, 2, 1))
    actual = jax.jit(partial(reestimate_batch_stats, Shifted(), num_batches=4, batch_size=8))(
        VARIABLES, temperature=0.5, noise=[noise]
    )["norm"]
    mean, var = 0.0, 1.0
    for batch in 3.0 + 0.5 * np.asarray(noise, np.float64):
        mean += MOMENTUM * (batch.mean() - mean)
        var += MOMENTUM * (batch.var(ddof=1) - var)
    np.testing.assert_allclose([actual["mean"][0], actual["var"][0]], [mean, var], rtol=1e-5)


def test_many_draws_give_the_statistics_of_the_temperature(rng):
    estimate = jax.jit(partial(reestimate_batch_stats, Shifted(), batch_size=64, temperature=0.5))
    actual = estimate(VARIABLES, rng)["norm"]
    np.testing.assert_allclose(actual["mean"], 3.0, atol=0.02)  # 0.5 / sqrt(64 * 4 * 39 batches)
    np.testing.assert_allclose(actual["var"], 0.25, rtol=0.1)


def test_a_file_gives_them_back_for_the_same_parameters_alone(tmp_path):
    path, stats = tmp_path / "stats.npz", VARIABLES["batch_stats"]
    assert load_batch_stats(path, PARAMS) is None
    save_batch_stats(path, stats, PARAMS)
    assert [file.name for file in tmp_path.iterdir()] == ["stats.npz"]
    kept = load_batch_stats(path, PARAMS)
    assert jax.tree.structure(kept) == jax.tree.structure(stats)
    jax.tree.map(np.testing.assert_array_equal, kept, stats)
    assert load_batch_stats(path, jax.tree.map(lambda x: x + 1.0, PARAMS)) is None


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "stats.npz"
    save_batch_stats(path, {"norm": {"mean": np.full(1000, 0.5, np.float32)}}, PARAMS)
    content = bytearray(path.read_bytes())
    place = content.find(np.full(4, 0.5, np.float32).tobytes()) + 100
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="stats.npz is damaged: .*CRC"):
        load_batch_stats(path, PARAMS)
