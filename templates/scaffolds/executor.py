"""One line that says what this experiment measures."""

import argparse
import json
import os
import random


def run(args):
    """The experiment: returns its metrics. `n_samples` is the weight of this task where tasks are averaged."""
    generator = random.Random(args.seed)
    values = [generator.gauss(args.alpha, 1.0) for _ in range(1000)]
    return {"mean": sum(values) / len(values), "n_samples": len(values)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", type=float, default=1.0, help="what the sweep varies")
    parser.add_argument("--seed", type=int, default=0, help="makes the result repeatable")
    metrics = run(parser.parse_args())
    # Everything in this folder is kept as the task's result once the script ends with exit status 0.
    folder = os.environ.get("RESULT_DIR", ".")
    with open(os.path.join(folder, "metrics.json"), "w") as handle:
        json.dump(metrics, handle)


if __name__ == "__main__":
    main()
