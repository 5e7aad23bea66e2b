"""Runs an executor that has only `compute(args)`: `python3 .hpc/cli.py executors.name --flag value`.

The flags are those that FLAGS in tasks.py (beside this file) lists for that module, as dictionaries or as objects with the
same fields: name, type, default, required, choices, nargs, help.
"""

import argparse
import importlib
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def load_flags():
    spec = importlib.util.spec_from_file_location("hpc_user_tasks", os.path.join(HERE, "tasks.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, "FLAGS", {})


def make_parser(name, flags):
    parser = argparse.ArgumentParser(prog=name)
    for flag in flags:
        fields = flag if isinstance(flag, dict) else vars(flag)
        keep = ("type", "default", "required", "choices", "nargs", "help")
        settings = {key: fields[key] for key in keep if fields.get(key) is not None}
        parser.add_argument("--" + fields["name"].replace("_", "-"), dest=fields["name"], **settings)
    return parser


def main():
    flags = load_flags()
    if len(sys.argv) < 2 or sys.argv[1] not in flags:
        sys.exit("usage: cli.py <module> [flags]; FLAGS of tasks.py knows: %s" % ", ".join(sorted(flags)))
    name = sys.argv[1]
    sys.path[:0] = [os.path.dirname(HERE), HERE]
    importlib.import_module(name).compute(make_parser(name, flags[name]).parse_args(sys.argv[2:]))


if __name__ == "__main__":
    main()
