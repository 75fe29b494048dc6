"""Linear support vector machines from a single code, of all codes and classes at once."""

from typing import NamedTuple

import numpy as np

from vaejax.metrics.discrete import short
from vaejax.metrics.tracing import each, namespace, precise, repeat, while_loop
from vaejax.types import AnyArray

MAX_STEPS = 30
TOLERANCE = 1e-6  # of a line's last move, relative
TINY = 1e-15  # codes of no larger size are as good as 0


def svm_accuracies(
    train_codes: AnyArray, train_levels: np.ndarray, codes: AnyArray, levels: np.ndarray
) -> AnyArray:
    """Test accuracy of a linear SVM from every single code to every factor, [D, F].

    The machine is scikit-learn's `LinearSVC(C=0.01, class_weight="balanced")`: squared hinge loss,
    one class against the rest, the intercept penalised like the slope.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F] in 0, 1, ...
    """
    xp = namespace(train_codes, codes)
    lines = _fit(precise(train_codes).T, train_levels)  # [D, all classes of all factors, 2]
    columns, first = [], 0
    for train_level, level in zip(train_levels.T, levels.T, strict=True):
        present = np.unique(train_level)  # a class without examples is never predicted

        def accuracy(x: AnyArray, line: AnyArray, present=present, level=level) -> AnyArray:
            margins = x[:, None] * line[None, :, 0] + line[None, :, 1]  # [N, K]
            return (xp.asarray(present)[margins.argmax(1)] == level).mean()

        line = lines[:, first : first + len(present)]
        columns.append(each(xp, accuracy, precise(codes).T, line))
        first += len(present)
    return xp.stack(columns, axis=1)


def _fit(x: AnyArray, levels: np.ndarray, c: float = 0.01) -> AnyArray:
    """Slopes and intercepts [D, K, 2] of every class against the rest, from codes x [D, N].

    K runs over the classes of all factors [N, F] in turn. With x sorted, the rows inside the margin
    are a stretch of each class: every sum that Newton's method needs is a difference of two running
    sums, and a step costs O(K log N). It works on codes in [-1, 1], whose slopes are `size` times
    as large.
    """
    xp, (dim, num_points) = namespace(x), x.shape
    size = xp.maximum(xp.abs(x).max(1, keepdims=True), TINY)
    x, stiffness = x / size, 1.0 / size**2  # |slope|^2 = stiffness |scaled slope|^2
    order = xp.argsort(x, axis=1)
    ordered = xp.take_along_axis(x, order, axis=1)
    own, starts, counts, balanced, rest = [], [], [], [], []
    for factor, level in enumerate(levels.T):
        by_class = xp.argsort(xp.asarray(short(level))[order], axis=1, stable=True)
        own.append(xp.take_along_axis(ordered, by_class, axis=1))
        number = np.unique(level, return_counts=True)[1]
        counts.append(number)
        starts.append(factor * num_points + np.cumsum(number) - number)
        balanced.append(num_points / (len(number) * number))
        # Of two classes both are weighted, of more only the one that stands against the rest.
        others = num_points / (2 * np.maximum(num_points - number, 1))
        rest.append(others if len(number) == 2 else np.ones(len(number)))
    start, count = np.concatenate(starts), np.concatenate(counts)
    positive = _Stretch.of(xp.concatenate(own, axis=1), start, start + count)
    everything = _Stretch.of(ordered, 0 * start, 0 * start + num_points)
    weights = c * np.stack([np.concatenate(balanced), np.concatenate(rest)], axis=1)
    weights = weights.astype(x.dtype)[None, :, :, None]  # [1, K, 2, 1]

    def move(line: AnyArray) -> AnyArray:
        """Newton's step down |line|^2 / 2 + sum_i c_i hinge_i^2, of scaled lines [D, K, 2]."""
        inside = positive.below(line, 1.0)  # y = 1: those with w x + b < 1
        outside = everything.below(-line, 1.0) - positive.below(-line, 1.0)  # y = -1: w x + b > -1
        moments = xp.stack([inside, outside], axis=2) * weights  # [D, K, 2, 3]
        n, sx, sxx = (2 * moments.sum(2)[..., i] for i in range(3))
        sign = 2 * (moments[:, :, 0] - moments[:, :, 1])  # 2 sum_i c_i y_i (1, x, x^2)
        slope, intercept = line[..., 0], line[..., 1]
        sxx = sxx + stiffness
        down_slope = sign[..., 1] - sxx * slope - sx * intercept
        down_intercept = sign[..., 0] - sx * slope - (n + 1) * intercept
        determinant = sxx * (n + 1) - sx**2
        return xp.stack(
            [
                ((n + 1) * down_slope - sx * down_intercept) / determinant,
                (sxx * down_intercept - sx * down_slope) / determinant,
            ],
            axis=2,
        )

    def go_on(carry: tuple) -> AnyArray:
        count, line, last = carry
        return (count < MAX_STEPS) & (abs(last) > TOLERANCE * (1.0 + abs(line))).any()

    def step(carry: tuple) -> tuple:
        count, line, _ = carry
        last = move(line)
        return count + 1, line + last, last

    lines = xp.zeros((dim, len(start), 2), x.dtype)
    lines = while_loop(xp, go_on, step, (0, lines, lines + 1.0))[1]
    return lines / xp.stack([size, xp.ones_like(size)], axis=2)


class _Stretch(NamedTuple):
    """Sums of (1, x, x^2) over sorted stretches of x.

    Attributes:
        x: [D, n]; rows `start` to `end` [K] of it ascend.
        running: sums [D, n + 1, 3] over the rows before each.
        start, end: [K].
    """

    x: AnyArray
    running: AnyArray
    start: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, x: AnyArray, start: np.ndarray, end: np.ndarray) -> "_Stretch":
        xp = namespace(x)
        powers = xp.stack([xp.ones_like(x), x, x * x], axis=2)
        running = xp.pad(xp.cumsum(powers, axis=1), ((0, 0), (1, 0), (0, 0)))
        return cls(x, running, start, end)

    def below(self, line: AnyArray, margin: float) -> AnyArray:
        """[D, K, 3] over the rows with slope * x + intercept < margin, of lines [D, K, 2]."""
        xp, slope, intercept = namespace(self.x), line[..., 0], line[..., 1]
        flat = slope == 0
        cut = self._first_at_least((margin - intercept) / xp.where(flat, 1.0, slope))
        middle, low, high = self._at(cut), self._at(self.start[None]), self._at(self.end[None])
        whole = xp.where((intercept < margin)[..., None], high - low, 0.0)
        part = xp.where((slope > 0)[..., None], middle - low, high - middle)
        return xp.where(flat[..., None], whole, part)

    def _at(self, place: AnyArray) -> AnyArray:
        return self.running[np.arange(len(self.x))[:, None], place]

    def _first_at_least(self, edge: AnyArray) -> AnyArray:
        """Where in each stretch x reaches `edge` [D, K], by bisection."""
        xp, rows = namespace(self.x), np.arange(len(self.x))[:, None]

        def halve(ends: tuple) -> tuple:
            low, high = ends
            middle = (low + high) // 2
            less = (self.x[rows, xp.minimum(middle, self.x.shape[1] - 1)] < edge) & (low < high)
            return xp.where(less, middle + 1, low), xp.where(less, high, middle)

        ends = (xp.asarray(self.start + 0 * rows), xp.asarray(self.end + 0 * rows))
        steps = int((self.end - self.start).max()).bit_length() + 1
        return repeat(xp, steps, halve, ends)[0]
