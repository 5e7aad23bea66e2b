"""Nearest neighbours: forecasts CO2 at Mauna Loa from the months in the past that looked most alike."""

import argparse
import math
import random

from co2_data import make_examples, read_series, write_metrics


def predict(train, features, k):
    """Mean of the k most similar examples."""
    distances = sorted((math.fsum((a - b) ** 2 for a, b in zip(features, other)), i) for i, (other, _) in enumerate(train))
    return math.fsum(train[i][1] for _, i in distances[:k]) / k


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=int, default=1, help="months ahead")
    parser.add_argument("--k", type=int, default=5, help="how many neighbours")
    parser.add_argument("--lags", type=int, default=24, help="months to look back")
    parser.add_argument("--seed", type=int, default=0, help="chooses the examples to learn from; 0 takes all")
    args = parser.parse_args()

    train, test = make_examples(*read_series(), args.horizon, args.lags)
    if args.seed:
        train = random.Random(args.seed).choices(train, k=len(train))
    write_metrics([predict(train, features, args.k) - target for features, target in test])


if __name__ == "__main__":
    main()
