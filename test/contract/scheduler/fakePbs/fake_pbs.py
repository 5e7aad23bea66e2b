"""A PBS for tests: a server that really runs what is submitted, and the programs that ask it.

`fake_pbs.py DIR serve` is the server, `fake_pbs.py DIR qsub ...` and its likes the programs. DIR holds the socket and `control.json`:

flavour     a (OpenPBS HEAD), b (the release's clients), torque
down        the programs find no server
history     false: ended jobs are forgotten
banner      text that every program prints first
server      its name in ids; a long one is cut in tables
max_array_size, max_queued, short_names: limits
lose_reply  for the job of this number qsub says that the connection broke, although it was accepted
first_id    the number of the first job

Python 3.6 or newer, standard library only.
"""

import getopt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pbs_forms as forms  # noqa: E402

SLOTS = 16
QSUB_USAGE = """usage: qsub [-a date_time] [-A account_string] [-c interval]
	[-C directive_prefix] [-e path] [-f ] [-h ] [-I [-X]] [-j oe|eo] [-J X-Y[:Z]]
	[-k keep] [-l resource_list] [-m mail_options] [-M user_list]
	[-N jobname] [-o path] [-p priority] [-P project] [-q queue] [-r y|n]
	[-R o|e|oe] [-S path] [-u user_list] [-W otherattributes=value...]
	[-v variable_list] [-V ] [-z] [script | -- command [arg1 ...]]
       qsub --version
"""


def control(directory):
    with open(os.path.join(directory, "control.json")) as handle:
        found = {"flavour": "a", "down": False, "history": True, "banner": "", "server": "pbs01", "max_array_size": 10000, "max_queued": None, "short_names": False}
        found.update(json.load(handle))
        return found


class Refusal(Exception):
    """The request is refused: exit status and text on standard error."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


def ctime(at):
    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(at))


def hms(seconds):
    seconds = int(seconds)
    return "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)


def seconds_of(text):
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


class Element:
    """What runs: a plain job, or one subjob."""

    def __init__(self, index):
        self.index = index
        self.state = "Q"
        self.process = None
        self.exit = None
        self.substate = 10
        self.own = index is None
        self.started = self.ended = None
        self.rss = 0
        self.ending = None  # walltime or delete
        self.killed_at = None
        self.runs = 0
        self.slot = 0


class Job:
    def __init__(self, number, options):
        self.number = number
        self.__dict__.update(options)
        self.ctime = self.mtime = time.time()
        self.state = "Q"
        self.substate = 10
        self.exit = None
        self.started = self.ended = None
        self.comment = ""
        self.deleted = False

    @property
    def key(self):
        return "%d[]" % self.number if self.array else str(self.number)

    def active(self):
        return self.state not in ("F", "C")


class Server:
    def __init__(self, directory):
        self.directory = directory
        self.jobs = {}
        self.next = 1
        self.spool = os.path.join(directory, "spool")
        os.makedirs(self.spool, exist_ok=True)

    # ---------------------------------------------------------------- facts

    @property
    def torque(self):
        return self.control["flavour"] == "torque"

    @property
    def name(self):
        return self.control["server"]

    def stamp(self, at):
        return time.strftime("%a %b %d at %H:%M", time.localtime(at))

    def find(self, text):
        """(job, element or None) of `12`, `12[]`, `12[3]`; raises as PBS says it."""
        match = re.match(r"^(\d+)(\[(\d*)\])?(\..*)?$", text)
        if not match:
            return None
        number = match.group(1)
        job = self.jobs.get(number + ("[]" if match.group(2) else ""))
        if job is None:
            return None
        if match.group(3):
            element = next((one for one in job.elements if one.index == int(match.group(3))), None)
            return (job, element) if element else None
        return (job, None)

    def full(self, text):
        return text if "." in text else "%s.%s" % (text, self.name)

    # ---------------------------------------------------------------- records

    def record(self, job, element=None):
        return self.torque_record(job, element) if self.torque else self.openpbs_record(job, element)

    def exec_host(self, job, element):
        return "%s/%d%s" % (self.name.split(".")[0], element.slot, "*%d" % job.ncpus if job.ncpus > 1 else "")

    def vnode(self, job):
        return "(%s:ncpus=%d%s)" % (self.name.split(".")[0], job.ncpus, ":mem=%dkb" % (job.mem_mb * 1024) if job.mem_mb else "")

    def run_comment(self, job, element):
        text = "Job run at %s on %s" % (self.stamp(element.started), self.vnode(job))
        if element.state in ("X", "F") and element.exit is not None:
            if element.ending == "walltime":
                text += " and exceeded resource walltime"
            elif element.ending == "delete":
                text += " and terminated by %s@%s" % (job.user, self.name.split(".")[0])
            else:
                text += " and finished" if element.exit == 0 else " and failed"
        return text

    def openpbs_record(self, job, element=None):
        sub = element is not None
        one = element if sub else (None if job.array else job.elements[0])
        own = one is not None and one.own and (not sub or one.started is not None)
        host = self.name.split(".")[0]
        number = job.number
        attributes = []

        def add(name, value, resource=None):
            attributes.append((name, resource, value if isinstance(value, list) else str(value)))

        add("Job_Name", job.name)
        add("Job_Owner", "%s@%s" % (job.user, host))
        if own and one.ended and one.started:
            used = one.ended - one.started
            for resource, value in (("cpupercent", 0), ("cput", "00:00:00"), ("mem", "%dkb" % one.rss), ("ncpus", job.ncpus), ("vmem", "%dkb" % (one.rss * 2)), ("walltime", hms(used))):
                add("resources_used", value, resource)
        state = (element.state if job.active() or element.state != "X" else "F") if sub else job.state
        add("job_state", state)
        add("queue", job.queue)
        add("server", host)
        if not (sub and own):
            add("Checkpoint", "u")
        add("ctime", ctime(job.ctime))
        if job.depend and not (sub and own) and (job.state == "H" or job.ended_by_dependency):
            add("depend", ",".join("%s:%s" % (kind, ":".join("%s.%s@%s" % (i, host, host) for i in ids)) for kind, ids in job.depend))
        placeholder = str(element.index) if sub and own else "^array_index^"
        default = lambda letter: "%s/%s.%s%d%s" % (job.home, job.name, letter, number, ".^array_index^" if job.array else "")  # noqa: E731
        path = lambda given, letter: "%s:%s" % (host, (given or default(letter)).replace("^array_index^", placeholder))  # noqa: E731
        add("Error_Path", path(job.stderr, "e"))
        if own and one.started:
            add("exec_host", self.exec_host(job, one))
            add("exec_vnode", self.vnode(job))
        if not (sub and own):
            held = ("u" if job.held else "") + ("s" if job.depend and (job.state == "H" or job.ended_by_dependency) else "")
            add("Hold_Types", held or "n")
        add("Join_Path", "n")
        add("Keep_Files", "n")
        add("Mail_Points", job.mail)
        add("mtime", ctime(job.mtime))
        add("Output_Path", path(job.stdout, "o"))
        add("Priority", 0)
        add("qtime", ctime(job.ctime))
        add("Rerunable", "True")
        if job.mem_mb:
            add("Resource_List", "%dmb" % job.mem_mb, "mem")
        add("Resource_List", job.ncpus, "ncpus")
        add("Resource_List", 1, "nodect")
        add("Resource_List", "free", "place")
        add("Resource_List", job.select, "select")
        add("Resource_List", hms(job.walltime), "walltime")
        started = one.started if own else job.started
        if started:
            add("stime", ctime(started))
        if own and one.ended and one.started:
            add("obittime", ctime(one.ended))
        if own and one.started:
            add("session_id", 8000 + number)
            add("jobdir", job.home)
        if sub:
            add("substate", one.substate if own else 70 if state in ("X", "F") else 10)
        else:
            add("substate", job.substate)
        add("Variable_List", list(job.variables))
        comment = job.comment
        if own and one.started:
            comment = self.run_comment(job, one)
        elif sub and state in ("X", "F"):
            comment = "Subjob finished"
        if comment:
            add("comment", comment)
        add("etime", ctime(job.ctime))
        if own and one.started:
            add("run_count", one.runs)
        exit_status = one.exit if own else job.exit
        if exit_status is None and not own and job.array and any(e.state == "X" for e in job.elements):
            exit_status = 0  # whatever its first elements ended with
        if exit_status is not None:
            add("Stageout_status", 1)
            add("Exit_status", exit_status)
        if not (sub and own):
            add("Submit_arguments", job.arguments)
        if job.array and not sub:
            counts = [sum(1 for e in job.elements if e.state in letters) for letters in ("Q", "R", "E", "X")]
            add("array", "True")
            add("array_state_count", "Queued:%d Running:%d Exiting:%d Expired:%d" % tuple(counts if job.active() else [0] * 4))
            add("array_indices_submitted", job.range)
            add("array_indices_remaining", remaining([e.index for e in job.elements if e.state == "Q"]))
        if sub and own:
            add("array_id", "%s.%s" % (job.key, self.name))
            add("array_index", one.index)
        if not (sub and not own):
            ended = one.ended if own else job.ended
            if ended:
                add("history_timestamp", int(ended))
            add("project", "_pbs_project_default")
            add("Submit_Host", host)
            if job.array and not sub and job.limit:
                add("max_run_subjobs", job.limit)
        identity = "%d[%d].%s" % (number, element.index, self.name) if sub else "%s.%s" % (job.key, self.name)
        return identity, attributes

    def torque_record(self, job, element=None):
        sub = element is not None
        one = element if sub else (None if job.array else job.elements[0])
        host = self.name.split(".")[0]
        attributes = []

        def add(name, value, resource=None):
            attributes.append((name, resource, value if isinstance(value, list) else str(value)))

        add("Job_Name", "%s-%d" % (job.name, element.index) if sub else job.name)
        add("Job_Owner", "%s@%s" % (job.user, host))
        if one and one.ended and one.started:
            for resource, value in (("cput", "00:00:00"), ("mem", "%dkb" % one.rss), ("vmem", "%dkb" % (one.rss * 2)), ("walltime", hms(one.ended - one.started))):
                add("resources_used", value, resource)
        if sub:
            state = {"X": "C", "Q": "H" if job.state == "H" else "Q"}.get(element.state, element.state)
        else:
            state = {"F": "C", "B": "R"}.get(job.state, job.state)
        add("job_state", state)
        add("queue", job.queue)
        add("server", self.name)
        add("Checkpoint", "u")
        add("ctime", ctime(job.ctime))
        if job.depend and job.state == "H":
            add("depend", ",".join("%s:%s" % (kind, ":".join("%s.%s@%s" % (i, host, host) for i in ids)) for kind, ids in job.depend))
        add("Error_Path", "%s:%s" % (host, job.stderr or job.name))
        if one and one.started:
            add("exec_host", "+".join("%s/%d" % (host, core) for core in range(job.ncpus)))
        add("Hold_Types", "s" if job.depend and job.state == "H" else "u" if job.held else "n")
        for name, value in (("Join_Path", "n"), ("Keep_Files", "n"), ("Mail_Points", job.mail), ("mtime", ctime(job.mtime)), ("Output_Path", "%s:%s" % (host, job.stdout or job.name)), ("Priority", 0), ("qtime", ctime(job.ctime)), ("Rerunable", "True")):
            add(name, value)
        if job.mem_mb:
            add("Resource_List", "%dmb" % job.mem_mb, "mem")
        add("Resource_List", 1, "nodect")
        add("Resource_List", job.select, "nodes")
        add("Resource_List", hms(job.walltime), "walltime")
        if one and one.started:
            add("session_id", 8000 + job.number)
        add("Variable_List", list(job.variables) + ([("PBS_ARRAYID", str(element.index))] if sub else []))
        add("etime", ctime(job.ctime))
        if one and one.exit is not None:
            add("exit_status", one.exit)
        add("submit_args", job.arguments)
        if sub:
            add("job_array_id", element.index)
        if job.array and not sub:
            add("job_array_request", job.range)
        if one and one.ended:
            add("comp_time", ctime(one.ended))
        add("fault_tolerant", "False")
        add("job_radix", 0)
        add("submit_host", host)
        identity = "%d[%d].%s" % (job.number, element.index, self.name) if sub else "%s.%s" % (job.key, self.name)
        return identity, attributes

    # ---------------------------------------------------------------- running

    def tick(self):
        now = time.time()
        for job in list(self.jobs.values()):
            if job.state == "H" and job.depend and not job.held:
                self.release(job)
            for element in job.elements:
                self.watch(job, element, now)
        busy = sum(job.ncpus for job in self.jobs.values() for element in job.elements if element.state in "RE")
        for job in list(self.jobs.values()):
            if job.state not in ("Q", "B", "R"):
                continue
            for element in job.elements:
                running = sum(1 for one in job.elements if one.state in "RE")
                if element.state == "Q" and busy + job.ncpus <= SLOTS and (job.limit is None or running < job.limit):
                    self.start(job, element)
                    busy += job.ncpus
        for job in list(self.jobs.values()):
            self.settle(job)

    def release(self, job):
        for _, ids in job.depend:
            for one in ids:
                other = self.jobs.get(one)
                if other is not None and other.active():
                    return
        for kind, ids in job.depend:
            for one in ids:
                other = self.jobs.get(one)
                succeeded = other is not None and all(element.exit == 0 for element in other.elements)
                # OpenPBS: an array that failed counts as good enough. TORQUE has a type for arrays, which looks at each element.
                if other is not None and other.array and kind == "afterok":
                    succeeded = True
                if (kind in ("afterok", "afterokarray") and not succeeded) or job.doomed:
                    job.ended_by_dependency = True
                    job.state, job.substate, job.ended = "F", 92, time.time()
                    for element in job.elements:
                        element.state = "F" if element.index is None else "X"
                    if not self.control["history"] or self.torque:
                        del self.jobs[job.key]
                    return
        job.state, job.substate = "Q", 10

    def start(self, job, element):
        name = "%d%s.%s" % (job.number, "" if element.index is None else "[%d]" % element.index, self.name)
        script = os.path.join(self.spool, name + ".SC")
        with open(script, "w", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(job.script)
        env = {"HOME": job.home, "USER": job.user, "LOGNAME": job.user, "SHELL": "/bin/sh", "PATH": job.path, "PBS_JOBID": name, "PBS_JOBNAME": job.name, "PBS_ENVIRONMENT": "PBS_BATCH", "ENVIRONMENT": "BATCH", "PBS_QUEUE": job.queue, "PBS_O_WORKDIR": job.cwd, "TMPDIR": self.spool}
        env.update(dict(job.variables))
        if self.torque:
            env.update({"PBS_VERSION": "TORQUE-6.1.3", "PBS_NUM_PPN": str(job.ncpus), "PBS_NP": str(job.ncpus)})
            if element.index is not None:
                env["PBS_ARRAYID"] = str(element.index)
        else:
            env.update({"NCPUS": str(job.ncpus), "OMP_NUM_THREADS": str(job.ncpus)})
            if element.index is not None:
                env.update({"PBS_ARRAY_INDEX": str(element.index), "PBS_ARRAY_ID": "%s.%s" % (job.key, self.name)})
        with open(os.path.join(self.spool, name + ".OU"), "wb") as out, open(os.path.join(self.spool, name + ".ER"), "wb") as err:
            element.process = subprocess.Popen([job.shell, script], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=job.home, start_new_session=True, close_fds=True)
        element.state, element.substate, element.own, element.started = "R", 42, True, time.time()
        element.runs += 1
        taken = {one.slot for other in self.jobs.values() for one in other.elements if one.state in "RE" and one is not element}
        element.slot = next(slot for slot in range(SLOTS + 1) if slot not in taken)
        job.mtime = time.time()
        if job.started is None:
            job.started = time.time()
        if job.array:
            job.state, job.substate = "B", 70
            job.comment = "Job Array Began at %s" % self.stamp(job.started)
        else:
            job.state, job.substate = "R", 42

    def watch(self, job, element, now):
        if element.process is None:
            return
        pid, status, usage = os.wait4(element.process.pid, os.WNOHANG)
        if pid == 0:
            if element.ending is None and now - element.started > job.walltime:
                self.stop(element, "walltime")
            elif element.killed_at and now - element.killed_at > 1:
                self.signal(element, signal.SIGKILL)
            return
        element.process.returncode = 0
        self.signal(element, signal.SIGKILL)
        element.process = None
        element.rss = usage.ru_maxrss
        element.ended = now
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        if element.ending == "walltime":
            code = -11 if self.torque else -29
        elif element.ending == "delete":
            code = 256 + 15
        element.exit = code
        element.substate = 91 if element.ending == "delete" else 92 if code == 0 else 93
        element.state = "F" if element.index is None else "X"
        self.deliver(job, element)

    def deliver(self, job, element):
        name = "%d%s.%s" % (job.number, "" if element.index is None else "[%d]" % element.index, self.name)
        for given, ending in ((job.stdout, ".OU"), (job.stderr, ".ER")):
            if given and given != "/dev/null":
                try:
                    with open(os.path.join(self.spool, name + ending), "rb") as source, open(given.replace("^array_index^", str(element.index)), "wb") as target:
                        target.write(source.read())
                except OSError:
                    pass

    def signal(self, element, number):
        try:
            os.killpg(element.process.pid, number)
        except OSError:
            pass

    def stop(self, element, why):
        element.ending = element.ending or why
        if element.killed_at is None:
            element.state = "E" if element.index is None else element.state
            element.killed_at = time.time()
            self.signal(element, signal.SIGTERM)

    def settle(self, job):
        """An array ends with its last element, a job with its process; with history off they are forgotten."""
        if not self.control["history"]:
            for element in job.elements:
                if element.state == "X":
                    element.own = False
        if not job.active() or not all(element.state in ("X", "F") for element in job.elements):
            return
        job.state, job.ended, job.mtime = "F", time.time(), time.time()
        if job.array:
            job.exit = 0 if not job.deleted and all(element.exit in (0, None) for element in job.elements) else 1
            job.substate = 91 if job.deleted else 92 if job.exit == 0 else 93
            if job.comment:
                job.comment += " and terminated" if job.deleted else " and finished" if job.exit == 0 else " and failed"
        elif job.elements[0].started:
            job.exit, job.substate = job.elements[0].exit, job.elements[0].substate
        if not self.control["history"]:
            del self.jobs[job.key]

    # ---------------------------------------------------------------- programs

    def qsub(self, argv, request):
        try:
            options, rest = getopt.getopt(argv, "a:A:c:C:d:e:fhIj:J:k:l:m:M:N:o:p:P:q:r:R:S:t:u:v:VW:zX")
        except getopt.GetoptError as error:
            raise Refusal(2, "qsub: invalid option -- '%s'\n" % error.opt[:1] + QSUB_USAGE) from None
        given = {}
        resources = {}
        depend = []
        for option, value in options:
            if option == "-l":
                name, _, rest_value = value.partition("=")
                resources[name] = rest_value
            elif option == "-W" and value.startswith("depend="):
                for part in value[7:].split(","):
                    kind, *ids = part.split(":")
                    depend.append((kind, [one.split(".")[0] for one in ids]))
            elif option == "-W":
                raise Refusal(154, "qsub: Error (15002) submitting job\n")
            else:
                given[option] = value
        script = request["stdin"]
        if rest:
            try:
                with open(os.path.join(request["cwd"], rest[0]), encoding="utf-8", errors="surrogateescape") as handle:
                    script = handle.read()
            except OSError:
                raise Refusal(1, "qsub: script file:: No such file or directory\n") from None
        name = given.get("-N") or (os.path.basename(rest[0]) if rest else "STDIN")
        if len(name) > (15 if self.control["short_names"] else 230):
            raise Refusal(2, "qsub: illegal -N value\n" + QSUB_USAGE if self.control["short_names"] else "qsub: Job name is too long \n")
        if not re.match(r"^[A-Za-z0-9+_.-]+$", name):
            raise Refusal(2, "qsub: illegal -N value\n" + QSUB_USAGE)
        indices, limit, span = [None], None, ""
        asked = given.get("-t" if self.torque else "-J")
        if asked is not None:
            indices, limit, span = self.indices(asked)
            if given.get("-r") == "n" and not self.torque:
                raise Refusal(2, "qsub:  cannot submit non-rerunable Array Job\n" + QSUB_USAGE)
            if len(indices) > self.control["max_array_size"]:
                raise Refusal(3, "qsub: Array job exceeds server or queue size limit\n")
        queue = given.get("-q", "workq")
        number = self.next
        self.next += 1
        if queue not in ("workq", "short"):
            raise Refusal(170, "qsub: Unknown queue\n")
        for key in resources:
            if key not in ("select", "nodes", "walltime", "mem", "ncpus", "place"):
                raise Refusal(187, "qsub: Unknown resource: %s\n" % key)
        select = resources.get("select") or resources.get("nodes") or "1:ncpus=%s" % resources.get("ncpus", "1")
        parts = dict(part.partition("=")[::2] for part in select.split(":")[1:])
        for key in parts:
            if key not in ("ncpus", "mem", "ngpus", "gpu_model", "mpiprocs", "ppn", "gpus") and not (self.torque and parts[key] == ""):
                raise Refusal(187, "qsub: Unknown resource: %s\n" % key)
        memory = parts.get("mem") or resources.get("mem")
        if memory and not re.match(r"^\d+(kb|mb|gb)$", memory):
            raise Refusal(166, "qsub: Illegal attribute or resource value select.mem\n")
        if not re.match(r"^\d+(:\d+)*$", resources.get("walltime", "1")):
            raise Refusal(166, "qsub: Illegal attribute or resource value Resource_List.walltime\n")
        most = self.control["max_queued"]
        if most is not None and sum(len(job.elements) for job in self.jobs.values() if job.active()) + len(indices) > most:
            raise Refusal(38, "qsub: would exceed queue generic's per-user limit\n")
        env = request["env"]
        variables = [("PBS_O_HOME", env.get("HOME", "/")), ("PBS_O_LANG", "C.UTF-8"), ("PBS_O_LOGNAME", request["user"]), ("PBS_O_PATH", env.get("PATH", "")), ("PBS_O_SHELL", "/bin/bash"), ("PBS_O_INTERACTIVE_AUTH_METHOD", "resvport"), ("PBS_O_INTERACTIVE_ENCRYPT_METHOD", ""), ("PBS_O_WORKDIR", request["cwd"]), ("PBS_O_SYSTEM", "Linux")]
        variables += [tuple(pair.partition("=")[::2]) for pair in given.get("-v", "").split(",") if pair]
        if "-V" in given:
            variables += sorted(env.items())
        variables += [("PBS_O_QUEUE", queue), ("PBS_O_HOST", self.name.split(".")[0])]
        job = Job(
            number,
            {
                "array": asked is not None,
                "elements": [Element(index) for index in indices],
                "limit": limit,
                "range": span,
                "name": name,
                "user": request["user"],
                "queue": queue,
                "home": env.get("HOME", "/"),
                "path": env.get("PATH", ""),
                "cwd": request["cwd"],
                "script": script,
                "shell": given.get("-S", "/bin/sh"),
                "stdout": given.get("-o"),
                "stderr": given.get("-e"),
                "mail": given.get("-m", "a"),
                "held": "-h" in given,
                "ncpus": int(parts.get("ncpus") or parts.get("ppn") or 1),
                "mem_mb": int(re.sub(r"\D", "", memory)) if memory else 0,
                "select": select,
                "walltime": seconds_of(resources.get("walltime", "01:00:00")),
                "depend": depend,
                "variables": variables,
                "arguments": " ".join(argv),
                "ended_by_dependency": False,
            },
        )
        # Who waits for a job that is not there is deleted, whatever it waits for.
        job.doomed = any(one not in self.jobs for _, ids in depend for one in ids)
        if job.held or depend:
            job.state, job.substate = "H", 22 if depend else 20
        if job.ncpus > SLOTS:
            job.comment = "Can Never Run: Insufficient amount of resource: ncpus (R: %d A: %d T: %d)" % (job.ncpus, SLOTS, SLOTS)
        self.jobs[job.key] = job
        return "%s.%s\n" % (job.key, self.name)

    def indices(self, text):
        refused = Refusal(2, "qsub: illegal -%s value\n" % ("t" if self.torque else "J") + QSUB_USAGE)
        body, _, limit = text.partition("%")
        if self.torque:
            found = []
            for part in body.split(","):
                match = re.match(r"^(\d+)(?:-(\d+))?$", part)
                if not match:
                    raise refused
                found += range(int(match.group(1)), int(match.group(2) or match.group(1)) + 1)
        else:
            match = re.match(r"^(\d+)-(\d+)(?::(\d+))?$", body)
            if not match or int(match.group(1)) >= int(match.group(2)) or match.group(3) == "0":
                raise refused
            found = list(range(int(match.group(1)), int(match.group(2)) + 1, int(match.group(3) or 1)))
        return found, int(limit) if limit else None, body

    def visible(self, old):
        """In the order of submission; a finished one only where history is asked for. TORQUE shows what has completed."""
        return [job for job in self.jobs.values() if job.active() or old or self.torque]

    def qstat(self, argv, request):
        if self.torque:
            options, ids = getopt.getopt(argv, "fu:tan1BQxwiresSn")
        else:
            options, ids = getopt.getopt(argv, "fF:u:tHJxawBQsn1irEpTq")
        given = dict(options)
        old = "-x" in given or "-H" in given
        if self.torque and "-x" in given:
            raise Refusal(1, "<Data></Data>\n")
        if old and not self.control["history"]:
            return "PBS is not configured to maintain job history\n"
        if "-B" in given:
            return self.server_form()
        if "-Q" in given:
            return self.queue_form()
        complaints = ""
        code = 0
        records = []
        full = "-f" in given
        first_only = self.control["flavour"] == "a" and given.get("-F") == "json"
        for text in ids or [None]:
            if text is None:
                wanted = [(job, None) for job in self.visible(old) if "-u" not in given or job.user == given["-u"]]
            else:
                found = self.find(text)
                if found is None:
                    complaints += "qstat: Unknown Job Id %s\n" % self.full(text)
                    code = 153
                    continue
                if not self.torque and not found[0].active() and not old:
                    complaints += "qstat: %s Job has finished, use -x or -H to obtain historical job information\n" % self.full(text)
                    code = 35
                    continue
                wanted = [found]
            for job, element in wanted:
                expand = "-t" in given and job.array and element is None
                if not (self.torque and expand):
                    records.append(self.record(job, element))
                if expand:
                    records += [self.record(job, one) for one in job.elements]
            if first_only and records:
                break
        if full:
            if given.get("-F") == "json" and not self.torque:
                header = [("timestamp", str(int(time.time()))), ("pbs_version", "23.06.06"), ("pbs_server", self.name.split(".")[0])]
                out = (forms.json_a if self.control["flavour"] == "a" else forms.json_b)(header, "Jobs", records)
            else:
                out = forms.text_form(records, "-w" in given or "-1" in given)
        else:
            out = forms.user_table(self.name, records) if "-u" in given or "-a" in given else forms.short_table(records)
        if code:
            raise Answer(out, complaints, code)
        return out

    def server_form(self):
        lines = ["Server: %s" % self.name.split(".")[0], "    server_state = Active", "    scheduling = True", "    total_jobs = %d" % len(self.jobs), "    default_queue = workq"]
        if self.torque:
            lines += ["    max_job_array_size = %d" % self.control["max_array_size"], "    keep_completed = 300", "    pbs_version = 6.1.3"]
        else:
            lines += ["    max_array_size = %d" % self.control["max_array_size"], "    pbs_version = 23.06.06", "    job_history_enable = %s" % self.control["history"], "    job_history_duration = 24:00:00"]
        if self.control["max_queued"] is not None:
            lines.append("    max_queued = [u:PBS_GENERIC=%d]" % self.control["max_queued"])
        return "\n".join(lines) + "\n\n"

    def queue_form(self):
        out = ""
        for name, limits in (("workq", ["resources_default.walltime = 01:00:00"]), ("short", ["resources_max.walltime = 00:10:00", "resources_default.walltime = 00:01:00"])):
            lines = ["Queue: %s" % name, "queue_type = Execution", "total_jobs = 0"] + limits + ["enabled = True", "started = True"]
            out += "\n    ".join(lines) + "\n\n"
        return out

    def qdel(self, argv, request):
        options, ids = getopt.getopt(argv, "t:W:xp")
        only = dict(options).get("-t") if self.torque else None
        complaints, code = "", 0
        for text in ids:
            span = re.match(r"^(\d+)\[(\d+)-(\d+)\](\..*)?$", text)
            found = self.find("%s[]" % span.group(1)) if span else self.find(text)
            if re.match(r"^\d", text) is None:
                complaints, code = complaints + "qdel: illegally formed job identifier: %s\n" % text, 1
            elif found is None:
                base = re.match(r"^(\d+)\[\d+\]", text)
                if base and base.group(1) + "[]" in self.jobs:
                    complaints, code = complaints + "qdel: Invalid request %s\n" % self.full(text), 156
                else:
                    complaints, code = complaints + "qdel: Unknown Job Id %s\n" % self.full(text), 153
            elif not found[0].active():
                if self.torque:
                    complaints, code = complaints + "qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE %s\n" % self.full(text), 170
                else:
                    complaints, code = complaints + "qdel: Job has finished %s\n" % self.full(text), 35
            else:
                job, element = found
                some = job.elements
                if span:
                    some = [one for one in job.elements if int(span.group(2)) <= one.index <= int(span.group(3))]
                elif element:
                    some = [element]
                    if element.state == "X":
                        complaints, code = complaints + "qdel: Request invalid for state of job %s\n" % self.full(text), 168
                elif only:
                    chosen = set(self.indices(only)[0])
                    some = [one for one in job.elements if one.index in chosen]
                else:
                    job.deleted = True
                for one in some:
                    self.delete(job, one)
        self.tick()
        if code:
            raise Answer("", complaints, code)
        return ""

    def delete(self, job, element):
        if element.state in ("R", "E"):
            self.stop(element, "delete")
        elif element.state in ("Q",) or job.state == "H":
            element.state = "F" if element.index is None else "X"
            element.ended = time.time()
            if self.torque:
                element.exit = 271
            if element.index is None:
                job.state, job.substate, job.ended = "F", 91, time.time()
                job.comment = (job.comment + " and terminated") if job.comment else "Not Running and terminated"
                if not self.control["history"]:
                    del self.jobs[job.key]

    def pbsnodes(self, argv, request):
        host = self.name.split(".")[0]
        busy = sum(job.ncpus for job in self.jobs.values() for element in job.elements if element.state in "RE")
        if self.torque:
            lines = ["state = free", "power_state = Running", "np = %d" % SLOTS, "ntype = cluster", "status = opsys=linux,uname=Linux,sessions=0,nsessions=0,ncpus=%d,physmem=33554432kb,availmem=30000000kb,totmem=33554432kb,state=free" % SLOTS, "gpus = 2"]
        else:
            lines = ["Mom = %s" % host, "ntype = PBS", "state = free", "pcpus = 2", "resources_available.arch = linux", "resources_available.gpu_model = a100", "resources_available.host = %s" % host, "resources_available.mem = 32gb", "resources_available.ncpus = %d" % SLOTS, "resources_available.ngpus = 2", "resources_available.vnode = %s" % host, "resources_assigned.ncpus = %d" % busy, "resv_enable = True", "sharing = default_shared", "license = l"]
        return "\n     ".join([host] + lines) + "\n\n"

    def answer(self, request):
        self.control = control(self.directory)
        self.tick()
        try:
            out = getattr(self, request["program"])(request["argv"], request)
            self.tick()
            return {"out": out, "err": "", "code": 0}
        except Answer as answer:
            return {"out": answer.out, "err": answer.err, "code": answer.code}
        except Refusal as refusal:
            return {"out": "", "err": refusal.text, "code": refusal.code}
        except getopt.GetoptError as error:
            return {"out": "", "err": "%s: invalid option -- '%s'\n" % (request["program"], error.opt), "code": 2}


class Answer(Exception):
    """Something was printed and something was wrong as well."""

    def __init__(self, out, err, code):
        super().__init__(err)
        self.out, self.err, self.code = out, err, code


def remaining(indices):
    parts = []
    for index in indices:
        if parts and parts[-1][1] + 1 == index:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in parts) or "-"


def serve(directory):
    os.umask(0o077)  # as jobs of PBS have it
    server = Server(directory)
    server.control = control(directory)
    server.next = server.control.get("first_id", 1)
    path = os.path.join(directory, "socket")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    listener.settimeout(0.03)
    print("ready", flush=True)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    parent = os.getppid()
    while not stop and os.getppid() == parent:
        try:
            client, _ = listener.accept()
        except socket.timeout:
            client = None
        except OSError:
            break
        if client is not None:
            with client:
                client.settimeout(10)
                with client.makefile("rb") as incoming:
                    line = incoming.readline()
                if line:
                    client.sendall(json.dumps(server.answer(json.loads(line.decode("utf-8")))).encode("utf-8"))
        else:
            try:
                server.control = control(directory)
            except ValueError:
                pass  # being written
            server.tick()
    for job in server.jobs.values():
        for element in job.elements:
            if element.process is not None:
                server.signal(element, signal.SIGKILL)
                element.process.wait()


DOWN = {
    "qsub": ("Connection refused\nqsub: cannot connect to server %s (errno=15010)\n", 162),
    "qstat": ("Connection refused\nqstat: cannot connect to server %s (errno=15010)\n", 255),
    "qdel": ("Connection refused\nCouldn't connect to cluster: %s\n", 162),
    "pbsnodes": ("Connection refused\npbsnodes: cannot connect to server %s, error=15010\n", 1),
}


def ask(directory, program, argv):
    said = control(directory)
    sys.stdout.write(said["banner"])
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if said["down"]:
            raise OSError("down")
        client.connect(os.path.join(directory, "socket"))
    except OSError:
        text, code = DOWN[program]
        sys.stderr.write(text % said["server"].split(".")[0])
        return code
    reads = program == "qsub" and not sys.stdin.isatty()
    request = {"program": program, "argv": argv, "cwd": os.getcwd(), "env": dict(os.environ), "user": said.get("user") or os.environ.get("LOGNAME") or "carol", "stdin": sys.stdin.read() if reads else ""}
    client.sendall(json.dumps(request).encode("utf-8") + b"\n")
    reply = b""
    while True:
        part = client.recv(1 << 16)
        if not part:
            break
        reply += part
    answer = json.loads(reply.decode("utf-8"))
    if program == "qsub" and re.match(r"%s\D" % said.get("lose_reply"), answer["out"]):
        sys.stderr.write("qsub: End of File\n")
        return 1
    sys.stdout.write(answer["out"])
    sys.stdout.flush()
    sys.stderr.write(answer["err"])
    return answer["code"]


if __name__ == "__main__":
    if sys.argv[2] == "serve":
        serve(sys.argv[1])
    else:
        sys.exit(ask(sys.argv[1], sys.argv[2], sys.argv[3:]))
