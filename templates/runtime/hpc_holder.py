"""The job of a held node: keeps the node, serves commands, renews itself, ends itself when idle, released or out of time.

Run by `hpc_hold.py hold`. Python 3.6 or newer, standard library only.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import hpc_remote
from hpc_commands import CommandServer, listen
from hpc_remote import read_text
from hpc_renewal import append_line, read_json, release, renew, write_json

# So long a job that handed over still answers what was on its way to it.
FAREWELL_S = 3.0


def time_left_s(spec, job_id, base):
    """What the scheduler says is left; None where it does not say. Durations only: its clock times are in a zone of its own."""
    argv = spec.get("time_left")
    if not argv:
        return None
    answer = hpc_remote.run_command({"argv": [word.replace("{job}", job_id) for word in argv], "timeout": 20, "unset": ["SQUEUE_*"]}, base)
    for line in answer["out"].split("\n"):
        match = re.match(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$", line.strip())
        if answer["rc"] == 0 and match:
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return None


class Holder:
    def __init__(self, directory):
        self.directory = directory
        self.spec = read_json(os.path.join(directory, "hold.json")) or {}
        self.job_id = os.environ.get("HPC_HOLD_JOB_ID", "").split(".")[0] and os.environ["HPC_HOLD_JOB_ID"]
        match = re.search(r"-h(\d+)-", os.environ.get("HPC_HOLD_JOB_NAME", ""))
        self.hop = int(match.group(1)) if match else self.hop_by_receipt()
        self.node = os.uname()[1]
        self.base = self.spec.get("env") or {}
        self.started = time.time()
        self.ends = None
        self.tmux = None
        self.wake = threading.Event()
        self.asked_to_end = None
        self.hinted = False
        self.renewed = False
        self.renewing = None
        self.told = None
        self.renew_after = 0.0
        self.idle_since = self.started
        self.written = None
        self.mark = {"HPC_RESERVATION": self.spec.get("name", ""), "HPC_RESERVATION_MARK": self.spec.get("token", "")}

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def hop_by_receipt(self):
        for name in hpc_remote.list_directory(os.path.join(self.directory, "receipts")):
            receipt = read_json(os.path.join(self.directory, "receipts", name)) or {}
            if receipt.get("job_id") == os.environ.get("HPC_HOLD_JOB_ID") and re.match(r"h\d+\.json$", name):
                return int(name[1:-5])
        return 0

    def claim(self):
        """The job's own mark: proof for the submitter that it began. A second copy of the same hop finds the first one's."""
        path = self.path("claims", "h%d" % self.hop)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, ("%s %s %d\n" % (self.job_id, self.node, self.started)).encode("ascii"))
            os.close(handle)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            return (read_text(path) or "").split(" ")[0] in ("", self.job_id)
        return True

    def start_tmux(self):
        program, name = shutil.which("tmux"), self.spec.get("tmux_server")
        if not program or not name:
            return None
        env = dict(os.environ, **self.mark)
        argv = [program, "-L", name, "new-session", "-d", "-s", "_root", "exec sleep 2147483647"]
        try:
            code = subprocess.call(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except OSError:
            return None
        # A server of that name that another job on this node started is as good for nobody here: it ends with that job.
        return {"program": program, "server": name} if code == 0 else None

    def state(self, state, **more):
        value = {
            "job_id": self.job_id, "hop": self.hop, "node": self.node, "nodes": os.environ.get("SLURM_JOB_NODELIST") or self.node, "port": getattr(self, "port", None),
            "pid": os.getpid(), "started": self.started, "ends": self.ends, "tmux": self.tmux, "state": state,
            "last_used": self.server.last_used, "running": len(self.server.running()), "busy": self.idle_since is None, "idle_since": self.idle_since,
        }  # fmt: skip
        value.update(more)
        shown = dict(value, last_used=int(self.server.last_used / 30))
        if shown != self.written or state == "ended":
            self.written = shown
            write_json(self.path("jobs", self.job_id + ".json"), dict(value, written=time.time()))

    def event(self, name, **more):
        append_line(self.path("chain.jsonl"), dict(more, e=name, job_id=self.job_id, hop=self.hop, node=self.node, t=round(time.time(), 3)))

    def is_released(self):
        return os.path.exists(self.path("released"))

    def run(self):
        if self.is_released():
            sys.stderr.write("hpc-agent: this reservation was released; the job ends.\n")
            return 0
        if not self.claim():
            sys.stderr.write("hpc-agent: another job holds this part of the reservation; this one is a copy and ends.\n")
            return 75
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_end_signal)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self.on_hint)
        left = time_left_s(self.spec, self.job_id, self.base)
        limit = left if left is not None else self.spec.get("walltime_s")
        self.ends = None if limit is None else time.time() + limit
        os.makedirs(self.path("jobs"), exist_ok=True)
        previous = read_json(self.path("current.json")) or {}
        self.server = CommandServer({"job_id": self.job_id, "node": self.node}, self.mark)
        self.port = listen(self.server, bytes.fromhex((read_text(self.path("key")) or "").strip()))
        self.tmux = self.server.tmux = self.start_tmux()
        self.state("up")
        before = (
            read_json(self.path("jobs", "%s.json" % previous.get("job_id"))) if previous.get("job_id") not in (None, self.job_id) else None
        )
        gap = None
        if before:
            # While the one before holds still there is none; how long both held is known when it ends.
            over = before["written"] if before.get("state") == "ended" else before.get("ends")
            gap = None if over is None else round(max(0.0, self.started - over), 3)
        receipt = read_json(self.path("receipts", "h%d.json" % self.hop)) or {}
        wait = round(self.started - receipt["at"], 3) if receipt.get("at") and receipt["at"] <= self.started else 0
        write_json(
            self.path("current.json"), {"job_id": self.job_id, "hop": self.hop, "node": self.node, "port": self.port, "at": time.time()}
        )
        self.event("up", ends=self.ends, gap_s=gap, queue_wait_s=wait, before=previous.get("job_id"))
        try:
            reason = self.keep()
        except Exception as error:
            reason = "failed: %s" % error
            sys.stderr.write("hpc-agent: %s\n" % reason)
        self.end(reason)
        return 1 if reason.startswith("failed") else 0

    def on_end_signal(self, number, _frame):
        self.asked_to_end = "signal %d" % number
        self.wake.set()

    def on_hint(self, _number, _frame):
        self.hinted = True
        self.wake.set()

    def keep(self):
        margin = 5.0 if (self.ends or 1e12) - self.started < 300 else 20.0
        while True:
            now = time.time()
            if self.asked_to_end:
                return self.asked_to_end
            if self.is_released():
                return "released"
            if self.ends is not None and now >= self.ends - margin:
                return "walltime"
            self.look_for_use()
            if self.renewal_is_due(now):
                self.start_renewal()
            current = read_json(self.path("current.json")) or {}
            handed_over = current.get("hop", self.hop) > self.hop
            if handed_over and self.server.move() and self.idle_since is not None and now - self.server.moved_at >= FAREWELL_S:
                return "handed over to job %s" % current.get("job_id")
            limit = self.spec.get("release_after_idle_s")
            if limit and not handed_over and self.idle_since is not None and now - self.idle_since >= limit:
                if self.server.move():
                    release(self.directory, "idle for %d s" % (now - self.idle_since))
                    return "idle"
                self.server.moved = False
            self.state("draining" if handed_over else "up")
            pause = 1.0 if handed_over else 2.0 if (self.ends or 1e12) - now < 180 or (limit or 1e12) < 60 else 10.0
            self.wake.wait(pause)
            self.wake.clear()

    # -- use

    def look_for_use(self):
        kept = (read_json(self.path("keep.json")) or {}).get("at", 0)
        used = max(self.server.last_used, kept, self.started)
        if self.server.running() or self.strangers():
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = time.time()
        else:
            self.idle_since = max(self.idle_since, used)

    def strangers(self):
        """Whether anything of this job runs besides this program, its tmux server and shells that wait for a person who left."""
        own_job = os.environ.get("SLURM_JOB_ID")
        marks = [("HPC_RESERVATION_MARK=%s" % self.spec.get("token", "")).encode("utf-8")] + (
            [("SLURM_JOB_ID=%s" % own_job).encode("ascii")] if own_job else []
        )
        user = os.getuid()
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            try:
                if os.stat("/proc/" + name).st_uid != user:
                    continue
                with open("/proc/%s/environ" % name, "rb") as handle:
                    if not any(mark in handle.read().split(b"\0") for mark in marks):
                        continue
                with open("/proc/%s/stat" % name, "rb") as handle:
                    words = handle.read().rpartition(b") ")
                with open("/proc/%s/cmdline" % name, "rb") as handle:
                    argv = handle.read().split(b"\0")
            except OSError:
                continue
            fields = words[2].split()
            if fields[0] == b"Z":
                continue
            found[int(name)] = (int(fields[1]), argv)
        parents = {parent for parent, _ in found.values()}
        ancestors = self.ancestors()
        for pid, (parent, argv) in found.items():
            program = os.path.basename(argv[0]).lstrip(b"-") if argv else b""
            if (
                pid in ancestors
                or program.startswith(b"tmux")
                or program in (b"slurmstepd", b"")
                or (program == b"sleep" and argv[1:2] == [b"2147483647"])
            ):
                continue
            under_tmux = parent in found and os.path.basename(found[parent][1][0]).startswith(b"tmux")
            if (
                under_tmux
                and program in (b"bash", b"sh", b"zsh", b"fish", b"tcsh", b"csh", b"dash", b"ksh")
                and pid not in parents
                and not self.has_tmux_client()
            ):
                continue
            if parent == os.getpid() and program.startswith(b"python") and b"hpc_remote.py" in argv[-1:]:
                continue
            return True
        return False

    @staticmethod
    def ancestors():
        found, pid = set(), os.getpid()
        while pid > 1 and pid not in found:
            found.add(pid)
            try:
                with open("/proc/%d/stat" % pid, "rb") as handle:
                    pid = int(handle.read().rpartition(b") ")[2].split()[1])
            except (OSError, ValueError):
                break
        return found

    def has_tmux_client(self):
        if not self.tmux:
            return False
        try:
            return (
                subprocess.check_output(
                    [self.tmux["program"], "-L", self.tmux["server"], "list-clients"], stderr=subprocess.DEVNULL
                ).strip()
                != b""
            )
        except (OSError, subprocess.CalledProcessError):
            return False

    # -- the successor

    def renewal_is_due(self, now):
        if not self.spec.get("persistent") or self.renewed or self.renewing or now < self.renew_after:
            return False
        # The scheduler sends its hint up to a minute early, so it counts only where nothing better is known.
        return self.hinted if self.ends is None else now >= self.ends - self.spec["renew_before_s"]

    def start_renewal(self):
        def body():
            try:
                outcome = renew(self.directory, self.spec, self.hop + 1)
            except Exception as error:
                outcome = {"state": "failed", "error": str(error)}
            self.renewed = outcome["state"] in ("submitted", "released")
            # Several tries fit into what is left, also of a short allocation: a controller that is away for a moment must not end a renewal.
            now = time.time()
            self.renew_after = now + min(30.0, max(3.0, (30.0 if self.ends is None else self.ends - now) / 8))
            if outcome["state"] not in ("released",):
                try:
                    write_json(self.path("renewal.json"), dict(outcome, at=time.time(), hop=self.hop + 1, by=self.job_id))
                    # A scheduler that is away for hours is one line of the log, not a thousand.
                    if outcome != self.told:
                        self.event("renewal", **{k: v for k, v in outcome.items() if k in ("state", "successor", "error")})
                    self.told = outcome
                except OSError:
                    pass
            self.renewing = None

        self.renewing = threading.Thread(target=body)
        self.renewing.daemon = True
        self.renewing.start()

    def end(self, reason):
        self.server.close("the job %s of the reservation ended: %s" % (self.job_id, reason))
        if self.tmux:
            try:
                subprocess.call([self.tmux["program"], "-L", self.tmux["server"], "kill-server"], stderr=subprocess.DEVNULL)
            except OSError:
                pass
        try:
            self.state("ended", reason=reason)
            self.event("ended", reason=reason)
        except OSError:
            pass
