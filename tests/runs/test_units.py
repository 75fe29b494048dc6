"""In what a metric is measured: what is said of it, and nothing where nothing is."""

import pytest

from vaejax import objectives
from vaejax.models import ConvVAE
from vaejax.runs.units import read_units, unit, write_units

UNITS = {"elbo": "nats/image", "kl": "nats/image", "distance": "px"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("elbo", "nats/image"),
        ("kl/3", "nats/image"),
        ("elbo_low", "nats/image"),
        ("distance_high", "px"),
        # What a name itself says.
        ("elbo_bpd", "bits/dim"),
        ("elbo_bpd_low", "bits/dim"),
        ("reconstruction_per_dim", "nats/dim"),
        ("images_per_second", "/s"),
        # Of which nothing is known.
        ("fid", ""),
        ("spectral_weight", ""),
        ("balance", ""),
        ("disentanglement/mig", ""),
        ("num_examples", ""),
    ],
)
def test_unit(name, expected):
    assert unit(name, UNITS) == expected


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (objectives.elbo, ()),
        (objectives.capacity, ("capacity",)),
        (objectives.beta_tcvae, ("mutual_information", "total_correlation", "dimension_wise_kl")),
        (objectives.factor_vae, ("total_correlation", "gaussian_total_correlation")),
    ],
)
def test_objectives_say_what_is_in_nats(make, names):
    units = dict(make(ConvVAE((8, 8, 1), 2, "burda")).units)
    bound = ("elbo", "log_px", "kl/0", "kl_dims/0", "reconstruction")
    assert {unit(name, units) for name in (*bound, *names)} == {"nats/image"}
    others = ("loss", "beta", "beta_norm", "discriminator_loss", "discriminator_accuracy")
    assert {unit(name, units) for name in others} == {""}


def test_units_are_kept_beside_the_numbers(tmp_path):
    assert read_units(tmp_path) == {}
    write_units(tmp_path, {"train": UNITS, "test/bound": {}})
    assert read_units(tmp_path) == {"train": UNITS, "test/bound": {}}


@pytest.mark.parametrize("damage", ["", "[]", '{"train": 3}', "{"])
def test_a_damaged_file_is_none(tmp_path, damage):
    (tmp_path / "units.json").write_text(damage)
    assert read_units(tmp_path) == {}
