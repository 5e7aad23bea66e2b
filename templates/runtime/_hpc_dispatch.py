#!/usr/bin/env python3
"""Starts one task on its node: `python3 -S -E .hpc/_hpc_dispatch.py` (any Python >= 3.6).

All the work is in `_hpc_task.py` beside this file: Python keeps a module compiled, but compiles a script at every
start, which would cost more than all the rest of dispatching.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import _hpc_task  # noqa: E402

# os._exit spares the interpreter's tidying up; everything was written with os.write already.
os._exit(_hpc_task.main())
