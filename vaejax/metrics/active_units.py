"""How many latents carry anything about the image.

Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, section 5.2.
"""

from vaejax.metrics.inputs import checked_codes
from vaejax.metrics.tracing import plain, precise
from vaejax.types import Array


def active_units(codes: Array, *, min_variance: float = 0.01) -> dict:
    """The number of codes whose posterior mean varies over images.

    Args:
        codes: posterior means [N, D].
        min_variance: of a code that counts.

    Returns:
        `active_units`, and the `code_variances` [D].
    """
    codes = checked_codes(codes)
    variances = precise(codes).var(0)
    return plain({"active_units": (variances > min_variance).sum(), "code_variances": variances})
