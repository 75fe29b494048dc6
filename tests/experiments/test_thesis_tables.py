"""The layers of the thesis's network, held to its printed parameter counts."""

import pytest

from experiments.thesis.tables import as_text, parameter_tables
from vaejax.models import ConvVAE

ENCODER = [  # table 4.1, with the shape of the fourth convolution that its parameters need
    ("input", (28, 20, 1), 0),
    ("Conv_0", (28, 20, 32), 320),
    ("Conv_1", (14, 10, 64), 18_496),
    ("Conv_2", (14, 10, 64), 36_928),
    ("Conv_3", (14, 10, 64), 36_928),
    ("flatten", (8960,), 0),
    ("Dense_0", (32,), 286_752),
    ("mean", (2,), 66),
    ("log_var", (2,), 66),
]
DECODER = [  # table 4.2
    ("input", (2,), 0),
    ("Dense_0", (8960,), 26_880),
    ("reshape", (14, 10, 64), 0),
    ("ConvTranspose_0", (28, 20, 32), 18_464),
    ("Conv_0", (28, 20, 1), 289),
]


def test_tables_of_the_thesis():
    tables = parameter_tables(ConvVAE((28, 20, 1), latent_size=2, preset="frey"))
    assert tables == {"encoder": ENCODER, "decoder": DECODER}
    assert "379,556" in as_text("Encoder", tables["encoder"]).splitlines()[-1]


@pytest.mark.parametrize("latent_size", [3, 5])
def test_parameters_grow_with_the_latent_size(latent_size):
    tables = parameter_tables(ConvVAE((28, 20, 1), latent_size=latent_size, preset="frey"))
    encoder, decoder = (sum(row.parameters for row in rows) for rows in tables.values())
    assert encoder == 379_556 + 2 * 33 * (latent_size - 2)
    assert decoder == 45_633 + 8960 * (latent_size - 2)
