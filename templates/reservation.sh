# The job of a reservation: it keeps the node and serves commands until it is released, idle for too long, or out of time.
# Everything about the job was given on the submit command line. The last line is `exec`, so that signals reach the program itself.
for hpc_python in "$HPC_HOLD_PYTHON" python3 python; do
  "$hpc_python" -S -E -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1 || continue
  exec "$hpc_python" -S -E "$HPC_HOLD_DIR/hpc_hold.py" hold "$HPC_HOLD_DIR"
done
printf 'hpc-agent: this node has no Python 3.6 or newer (tried %s)\n' "$HPC_HOLD_PYTHON" >&2
exit 78
