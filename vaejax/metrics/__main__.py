"""Scores codes of any framework: `python -m vaejax.metrics codes.npz`.

The file holds codes [N, D] of N different images, called codes, z or means, and factors [N, F],
integers that say what the images show; also factor_names [F], and log_vars [N, D] of the
posteriors, if you have them. What `vaejax.main --mode=encode` writes of data with factors is such
a file.

One table comes out: every score with a 95 % interval for that of as many fresh images, how it was
computed, and in a line each what could not be.

Scores: active_units, beta_vae_score, dci_lasso, density_mig, downstream_accuracy, factor_vae_score,
frobenius_distance, infomec, irs, mig, modularity_explicitness, sap, unsupervised_scores; and, only
if asked for, as its boosted trees take minutes (scikit-learn: pip install 'vaejax[metrics]'), dci.
"""

import argparse
import sys
from collections.abc import Sequence

FORMATS = ("text", "markdown", "json")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; None takes the process's. It needs no JAX."""
    flags = argparse.ArgumentParser(
        prog="python -m vaejax.metrics",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("file", help="an .npz file of codes and factors")
    flags.add_argument("--scores", help="names, with commas between; default: all but dci")
    flags.add_argument("--repeats", type=int, default=5, help="scores per interval (5); 1: none")
    flags.add_argument("--seed", type=int, default=0, help="of what scores draw (0)")
    flags.add_argument("--sampled", action="store_true", help="codes are draws, not means")
    flags.add_argument("--format", choices=FORMATS, default="text", help="of the table (text)")
    flags.add_argument("--codes", help="name of the array of codes, if it is another")
    flags.add_argument("--factors", default="factors", help="of the array of factors (factors)")
    return flags.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Score a file, and print the table."""
    args = parse(arguments)
    from vaejax.core.compiled import keep_compiled_programs
    from vaejax.metrics import evaluate, report
    from vaejax.metrics.codes_file import read_codes

    keep_compiled_programs()
    show = {"text": report.as_text, "markdown": report.as_markdown, "json": report.as_json}
    try:
        evaluation = evaluate(
            **read_codes(args.file, codes=args.codes, factors=args.factors),
            scores=args.scores,
            repeats=args.repeats,
            seed=args.seed,
            sampled=args.sampled,
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )
    except (ImportError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(show[args.format](evaluation))


if __name__ == "__main__":
    main()
