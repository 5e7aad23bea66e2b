"""Ridge regression: forecasts CO2 at Mauna Loa some months ahead from the months before."""

import argparse
import math
import random

from co2_data import make_examples, read_series, write_metrics


def solve(matrix, right):
    """Gaussian elimination with partial pivoting."""
    size = len(right)
    rows = [list(row) + [value] for row, value in zip(matrix, right)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda r: abs(rows[r][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, size):
            factor = rows[row][column] / rows[column][column]
            for k in range(column, size + 1):
                rows[row][k] -= factor * rows[column][k]
    solution = [0.0] * size
    for row in reversed(range(size)):
        rest = math.fsum(rows[row][k] * solution[k] for k in range(row + 1, size))
        solution[row] = (rows[row][size] - rest) / rows[row][row]
    return solution


def fit(examples, alpha):
    """Weights and intercept that minimise squared error + alpha * squared weights."""
    size = len(examples[0][0]) + 1
    gram = [[0.0] * size for _ in range(size)]
    right = [0.0] * size
    for features, target in examples:
        row = features + [1.0]
        for i in range(size):
            right[i] += row[i] * target
            for j in range(size):
                gram[i][j] += row[i] * row[j]
    for i in range(size - 1):
        gram[i][i] += alpha
    return solve(gram, right)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=int, default=1, help="months ahead")
    parser.add_argument("--alpha", type=float, default=1.0, help="strength of the penalty")
    parser.add_argument("--lags", type=int, default=24, help="months to look back")
    parser.add_argument("--seed", type=int, default=0, help="chooses the examples to learn from; 0 takes all")
    args = parser.parse_args()

    train, test = make_examples(*read_series(), args.horizon, args.lags)
    if args.seed:
        train = random.Random(args.seed).choices(train, k=len(train))
    weights = fit(train, args.alpha)
    write_metrics([math.fsum(w * x for w, x in zip(weights, features + [1.0])) - target for features, target in test])


if __name__ == "__main__":
    main()
