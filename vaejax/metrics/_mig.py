"""The mutual information gap.

Chen, Li, Grosse, Duvenaud, "Isolating Sources of Disentanglement in VAEs", NeurIPS 2018, Eq. 6; the
histogram estimate of Locatello et al., 2019. For the paper's own estimate see `density_mig`.
"""

from vaejax.core.checks import check_counts
from vaejax.metrics.discrete import code_factor_information, factor_entropies
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.tracing import namespace
from vaejax.types import AnyArray


def mig(codes: AnyArray, factors: AnyArray, *, num_bins: int = 20) -> Scores:
    """By how much the best code of each factor informs more about it than the second best.

    Args:
        codes: [N, D].
        factors: [N, F] integers.
        num_bins: equal-width bins per code.

    Returns:
        `mig` in [0, 1], the mean of `gaps` [F], and `mutual_information` [D, F] in nats.
    """
    check_counts(num_bins=(num_bins, 2))
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes))
    information = code_factor_information(codes, levels, num_bins)
    gaps = information_gaps(information, factor_entropies(levels))
    found = {"mig": gaps.mean(), "gaps": gaps, "mutual_information": information}
    return scores(found, num_bins=num_bins)


def information_gaps(information: AnyArray, entropies: AnyArray) -> AnyArray:
    """Best minus second best code of each factor over the factor's entropy, [F].

    Args:
        information: I(z_d; v_k) [D, F], nats.
        entropies: H(v_k) [F], nats.
    """
    return leads(information) / entropies


def leads(table: AnyArray) -> AnyArray:
    """Best minus second best code of each column of [D, F], [F]; a single code has no rival."""
    ranked = namespace(table).sort(table, axis=0)[::-1]
    return ranked[0] - (ranked[1] if len(ranked) > 1 else 0.0)
