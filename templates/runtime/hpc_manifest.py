"""The far side of a file transfer: looks at a tree, takes a stream of files in, sends a stream of files out.

Rules of this file:
- Standard library only, Python 3.6 and newer. Costly modules (json, hashlib) are imported where they are needed: an
  unchanged tree must cost little more than the start of Python.
- A file of the tree is only ever replaced by rename: whoever reads it sees the old or the new one, never a part.
- Whatever changes the tree does so under one lock per root, and only in a folder that carries our owner marker.
- All paths are bytes (UTF-8): the locale of a login node decides nothing.
"""

import os
import stat
import sys

STATE = b".hpc"
MANIFEST = STATE + b"/manifest"
MARKER = STATE + b"/owner.json"
LOCK = STATE + b"/transfer.lock"
STAGING = STATE + b"/staging"
MAGIC = b"hpc-manifest 1"
FIELDS = 8  # path, kind, size, mtime (us), mode, hash or link target; as placed here: mtime (ns), ctime (ns)
REPLY = "hpc-transfer-reply "
STREAM_MAGIC = b"\nhpc-transfer-stream\n"
BLOCK = 262144
IDLE_SECONDS = 180
FIRST_BLOCK_SECONDS = 3600
STALE_SECONDS = 60
# Up to this many files are flushed one by one, and the manifest after them. Beyond that nothing is: a flush would wait for all of them,
# and the next comparison finds what a power cut lost, since a file that was not written out is shorter than the manifest says.
FLUSHED_FILES = 64


class Failure(Exception):
    def __init__(self, kind, message, **details):
        Exception.__init__(self, message)
        self.kind = kind
        self.details = details


def text(path):
    return path.decode("utf-8", "surrogateescape")


def raw(path):
    return path.encode("utf-8", "surrogateescape")


def hash_of(path):
    import hashlib

    digest = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        while True:
            chunk = os.read(fd, 1048576)
            if not chunk:
                return digest.hexdigest()[:32]
            digest.update(chunk)
    finally:
        os.close(fd)


def mode_class(mode):
    """r: as the umask says; x: executable; p: nobody else may read; q: both."""
    executable = mode & 0o100
    if mode & 0o077:
        return "x" if executable else "r"
    return "q" if executable else "p"


BITS = {"r": 0o666, "x": 0o777, "p": 0o600, "q": 0o700}


# --- the target ------------------------------------------------------------------------------------------------------


def home_folder():
    return os.path.expanduser(b"~")


def locate(options):
    """The real path of the root, refused when it is a root itself or somebody's whole home or scratch folder."""
    asked = os.fsencode(options["root"][0])
    if asked == b"~" or asked.startswith(b"~/"):
        asked = home_folder() + asked[1:]
    if not asked.startswith(b"/"):
        raise Failure("target_refused", "%s is not an absolute path" % text(asked))
    real = os.path.realpath(asked)
    parts = [part for part in real.split(b"/") if part]
    guarded = [home_folder()] + [os.fsencode(word) for word in options.get("refuse", [])]
    guarded += [os.environb[name] for name in (b"SCRATCH", b"PSCRATCH", b"WORK", b"TMPDIR") if os.environb.get(name, b"").startswith(b"/")]
    why = None
    if len(parts) < 2:
        why = "it is nearer than two levels to the file system's root"
    for place in guarded:
        place = os.path.realpath(place)
        if place == real:
            why = "it is a home or scratch folder itself"
        elif place.startswith(real + b"/"):
            why = "the home or scratch folder %s lies in it" % text(place)
    user = os.environb.get(b"USER") or os.environb.get(b"LOGNAME") or b""
    if len(parts) == 2 and parts[0] in (b"home", b"Users") or (len(parts) <= 3 and parts and parts[-1] == user):
        why = why or "it looks like somebody's whole home or scratch folder"
    if why:
        raise Failure("target_refused", "%s is refused as a target: %s" % (text(real), why), path=text(real))
    return real


def read_file(path):
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_file(path, data, mode=0o666, flush=True):
    temporary = path + b".%d.tmp" % os.getpid()
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(fd, "wb") as handle:
            handle.write(data)
            if flush:
                handle.flush()
                os.fsync(fd)
        os.rename(temporary, path)
    except OSError:
        remove_quietly(temporary)
        raise


def remove_quietly(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def marker_of(data):
    import json

    try:
        value = json.loads(data.decode("utf-8", "replace"))
        return value if isinstance(value, dict) else {}
    except ValueError:
        return {}


def ownership(root, workspace):
    """missing, empty, ours, foreign (something there, no marker) or other (another workspace's marker)."""
    if not os.path.isdir(root):
        if os.path.lexists(root):
            raise Failure("target_refused", "%s is not a folder" % text(root), path=text(root))
        return "missing", None
    data = read_file(os.path.join(root, MARKER))
    if data is not None:
        marker = marker_of(data)
        return ("ours", marker) if marker.get("workspace") == workspace else ("other", marker)
    for entry in os.listdir(root):
        if entry != STATE:
            return "foreign", None
    return "empty", None


# --- the manifest: what was pushed here, and how it looked once it lay here -----------------------------------------------


def read_manifest(root):
    """(generation, flat list of fields); an unreadable manifest counts as none: everything is then compared by content."""
    data = read_file(os.path.join(root, MANIFEST))
    if data is None:
        return b"", []
    head, _, rest = data.partition(b"\n")
    if head != MAGIC:
        return b"", []
    fields = rest.split(b"\0")
    generation = fields[0]
    body = fields[1:-1]
    if fields[-1] != b"end" or len(body) % FIELDS:
        return b"", []
    return generation, body


def write_manifest(root, generation, fields, flush=True):
    write_file(os.path.join(root, MANIFEST), MAGIC + b"\n" + b"\0".join([generation] + fields + [b"end"]), flush=flush)


def kind_of(st):
    if stat.S_ISREG(st.st_mode):
        return "f"
    if stat.S_ISLNK(st.st_mode):
        return "l"
    return "d" if stat.S_ISDIR(st.st_mode) else "o"


def through_link(path, known):
    """The first component of the path's folder that is a symbolic link, if any. The working folder is the root."""
    folder = os.path.dirname(path)
    if folder in known:
        return known[folder]
    found = None
    if folder:
        found = through_link(folder, known)
        if found is None and os.path.islink(folder):
            found = folder
    known[folder] = found
    return found


def deviations_of(fields):
    """Entries that are not as they were placed: [path] when gone, else [path, kind, size, mode, hash or target]."""
    changed = []
    refreshed = False
    lstat = os.lstat
    links = {}
    for index in range(0, len(fields), FIELDS):
        path = fields[index]
        try:
            st = lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            changed.append([text(path)])
            continue
        if through_link(path, links) is not None:
            changed.append([text(path)])
            continue
        size = int(fields[index + 2])
        if st.st_ctime_ns == int(fields[index + 7]) and st.st_mtime_ns == int(fields[index + 6]) and st.st_size == size:
            continue
        kind = kind_of(st)
        mode = mode_class(st.st_mode) if kind == "f" else "r"
        content = None
        if kind == "l":
            content = text(os.readlink(path))
        elif kind == "f" and st.st_size == size:
            try:
                content = hash_of(path)
            except PermissionError:
                content = None
        same = content is not None and raw(content) == fields[index + 5] and kind == text(fields[index + 1])
        if same and (kind == "l" or mode == text(fields[index + 4])):
            fields[index + 6] = b"%d" % st.st_mtime_ns
            fields[index + 7] = b"%d" % st.st_ctime_ns
            refreshed = True
        else:
            changed.append([text(path), kind, st.st_size, mode, content])
    return changed, refreshed


def listing_of(root, prune, limit):
    """Files and links below the root, without our state and without the pruned folders."""
    rows = []
    stack = [b""]
    while stack:
        folder = stack.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder) if folder else root))
        except PermissionError:
            continue
        for entry in entries:
            path = folder + b"/" + entry.name if folder else entry.name
            if path in prune or path == STATE or entry.name == b".git":
                continue
            st = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(st.st_mode):
                stack.append(path)
                continue
            rows.append([text(path), kind_of(st), st.st_size, str(st.st_mtime_ns)])
            if len(rows) > limit:
                raise Failure("too_many", "more than %d files lie in %s" % (limit, text(root)))
    return rows


def reply(value):
    import json

    sys.stdout.write("\n%s%s\n" % (REPLY, json.dumps(value)))
    sys.stdout.flush()


def op_status(options):
    root = locate(options)
    known = os.fsencode(options.get("known", [""])[0])
    workspace = options["workspace"][0]
    data = read_file(os.path.join(root, MARKER))
    generation, fields = (b"", []) if data is None else read_manifest(root)
    if fields or generation:
        os.chdir(root)
    changed, refreshed = deviations_of(fields)
    if refreshed:
        refresh(root, generation, fields)
    wants_list = "list" in options
    # The common answer is written without json: importing it costs as much as looking at a thousand files.
    quick = b'"workspace": "%s"' % os.fsencode(workspace)
    if data is not None and quick in data and not changed and generation and generation == known and not wants_list:
        path = "".join(("\\u%04x" % ord(c)) if c in '"\\' or not " " <= c <= "~" else c for c in text(root))
        if all(ord(c) < 0x10000 for c in text(root)):
            sys.stdout.write(
                '\n%s{"ok":true,"root":"%s","state":"ours","generation":"%s","deviations":[]}\n' % (REPLY, path, text(generation))
            )
            sys.stdout.flush()
            return
    state, marker = ownership(root, workspace)
    answer = {"ok": True, "root": text(root), "state": state, "generation": text(generation), "deviations": changed}
    if marker is not None and state == "other":
        answer["marker"] = marker
    if state == "ours" and generation and generation != known:
        answer["entries"] = [
            [text(fields[i]), text(fields[i + 1]), int(fields[i + 2]), int(fields[i + 3]), text(fields[i + 4]), text(fields[i + 5])]
            for i in range(0, len(fields), FIELDS)
        ]
    if wants_list and state != "missing":
        answer["listing"] = listing_of(root, {os.fsencode(p) for p in options.get("prune", [])}, int(options["list"][0]))
    reply(answer)


def refresh(root, generation, fields):
    """Remembers the looks of files whose content was found unchanged, so that they are not hashed again."""
    try:
        with Lock(root, 0):
            if read_manifest(root)[0] == generation:
                write_manifest(root, generation, fields)
    except (Failure, OSError):
        pass


def op_compare(options):
    """Hashes of those files of the request ([[path, size]]) that are here with the same size."""
    import json

    root = locate(options)
    rows = []
    source = Source("base64" in options)
    wanted = json.loads(source.rest().decode("utf-8"))
    if os.path.isdir(root):
        os.chdir(root)
        links = {}
        for path, size in wanted:
            path = checked(path)
            try:
                st = os.lstat(path)
                if stat.S_ISREG(st.st_mode) and st.st_size == size and through_link(path, links) is None:
                    rows.append([text(path), "f", size, mode_class(st.st_mode), hash_of(path)])
            except OSError:
                continue
    reply({"ok": True, "found": rows})


# --- the lock ----------------------------------------------------------------------------------------------------------


def read_words(path):
    try:
        with open(path, "rb") as handle:
            return handle.read().strip()
    except OSError:
        return b""


def machine():
    """Where a process id means something: host, boot and process namespace."""
    try:
        namespace = os.readlink(b"/proc/self/ns/pid")
    except OSError:
        namespace = b""
    return b" ".join([os.fsencode(os.uname().nodename), read_words("/proc/sys/kernel/random/boot_id"), namespace])


def started(pid):
    data = read_words("/proc/%d/stat" % pid)
    return data.rsplit(b")", 1)[-1].split()[19] if b")" in data else b""


class Lock(object):
    """One writer per root. Taken over only when the holder is proved dead (same machine and boot, no such process) or,
    from another machine, when it has not touched the lock for a minute by the file server's own clock."""

    def __init__(self, root, wait):
        self.path = os.path.join(root, LOCK)
        self.token = os.fsencode("%d-%s" % (os.getpid(), os.urandom(6).hex()))
        self.own = self.path + b"." + self.token
        self.wait = wait
        self.stop = None

    def __enter__(self):
        import time

        identity = b"\n".join([machine(), b"%d" % os.getpid(), started(os.getpid()), self.token]) + b"\n"
        deadline = time.time() + self.wait
        while True:
            if self.try_link(identity):
                break
            if self.abandoned(self.path):
                self.take_over()
                continue
            if time.time() >= deadline:
                holder = (read_file(self.path) or b"").split(b"\n")
                raise Failure(
                    "busy",
                    "another transfer to this folder is running (%s)"
                    % text(holder[0].split(b" ")[0] + b", process " + (holder[1] if len(holder) > 1 else b"?")),
                )
            time.sleep(0.05)
        return self

    def beat(self):
        """Keeps the lock fresh from a thread; only a long transfer needs it."""
        import threading

        self.stop = threading.Event()

        def run():
            while not self.stop.wait(10):
                try:
                    os.utime(self.path)
                except OSError:
                    return

        thread = threading.Thread(target=run)
        thread.daemon = True
        thread.start()

    def try_link(self, identity):
        try:
            with open(self.own, "wb") as handle:
                handle.write(identity)
            try:
                os.link(self.own, self.path)
                return True
            except FileExistsError:
                return False
            except OSError:
                # A file system without hard links: O_EXCL, whose holder is written a moment later.
                try:
                    fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                except FileExistsError:
                    return False
                os.write(fd, identity)
                os.close(fd)
                return True
        finally:
            remove_quietly(self.own)

    def abandoned(self, path):
        data = read_file(path)
        if data is None:
            return False
        lines = data.split(b"\n")
        if len(lines) >= 4 and lines[0] == machine():
            try:
                pid = int(lines[1])
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            except (OSError, ValueError):
                return False
            return started(pid) != lines[2]
        try:
            with open(self.own, "wb"):
                pass
            now = os.stat(self.own).st_mtime
            return now - os.stat(path).st_mtime > STALE_SECONDS
        except OSError:
            return False
        finally:
            remove_quietly(self.own)

    def take_over(self):
        """Removes an abandoned lock. One taker at a time: two could otherwise remove each other's fresh one."""
        import time

        guard = self.path + b".taking"
        try:
            os.mkdir(guard)
        except OSError:
            try:
                if time.time() - os.stat(guard).st_mtime > STALE_SECONDS:
                    os.rmdir(guard)
            except OSError:
                pass
            time.sleep(0.02)
            return
        try:
            if self.abandoned(self.path):
                remove_quietly(self.path)
        finally:
            os.rmdir(guard)

    def __exit__(self, *_):
        if self.stop is not None:
            self.stop.set()
        data = read_file(self.path)
        if data is not None and self.token in data.split(b"\n"):
            remove_quietly(self.path)


# --- streams: blocks of [kind][length][bytes], kind 0 as they are, 1 deflated, 2 the end; inside them a tar ---------------


class Source(object):
    """Standard input as the bytes inside the blocks."""

    def __init__(self, base64):
        self.input = sys.stdin.buffer
        if base64:
            import base64 as codec
            import io

            self.input = io.BytesIO(codec.b64decode(self.input.read()))
        self.buffer = b""
        self.position = 0
        self.ended = False
        self.patience = IDLE_SECONDS

    def exactly(self, count):
        data = self.input.read(count)
        if len(data) < count:
            raise Failure("incomplete", "the stream ended before its end mark")
        return data

    def fill(self):
        import signal
        import zlib

        signal.alarm(self.patience)
        head = self.exactly(5)
        kind = head[0]
        data = self.exactly(int.from_bytes(head[1:], "big"))
        signal.alarm(0)
        if kind == 2:
            self.ended = True
            data = b""
        elif kind == 1:
            data = zlib.decompress(data, -15)
        elif kind != 0:
            raise Failure("corrupt", "the stream holds a block of an unknown kind")
        self.buffer = data
        self.position = 0

    def some(self, count):
        """Between 1 and `count` bytes."""
        while self.position == len(self.buffer):
            if self.ended:
                raise Failure("incomplete", "the stream ended in the middle of a file")
            self.fill()
        data = self.buffer[self.position : self.position + count]
        self.position += len(data)
        return data

    def take(self, count):
        data = self.some(count) if count else b""
        while len(data) < count:
            data += self.some(count - len(data))
        return data

    def rest(self):
        parts = [self.buffer[self.position :]]
        while not self.ended:
            self.fill()
            parts.append(self.buffer)
        return b"".join(parts)

    def drain(self):
        while self.input.read(1048576):
            pass

    def header(self):
        """The next tar member's size. Extended headers are passed over: names and sizes of the files stand in the plan. Their checksum
        is not worked out, which would cost more than their files: what arrived is proved by the hashes of the contents."""
        while True:
            block = self.take(512)
            try:
                size = int(block[124:136].rstrip(b"\0 ") or b"0", 8)
            except ValueError:
                raise Failure("corrupt", "the stream holds a damaged header") from None
            if block[156:157] in (b"x", b"g"):
                self.take(size + -size % 512)
                continue
            return size

    def member(self):
        size = self.header()
        data = self.take(size)
        self.take(-size % 512)
        return data


def checked(path):
    """The path as bytes, refused when it could lead out of the root."""
    path = raw(path)
    parts = path.split(b"/")
    if not path or b"\0" in path or path.startswith(b"/") or b".." in parts or b"." in parts or b"" in parts:
        raise Failure("bad_path", "%s is not a path inside the tree" % text(path))
    return path


# --- push ----------------------------------------------------------------------------------------------------------------


def handle_signals():
    import signal

    def leave(_signal, _frame):
        raise Failure("incomplete", "the transfer was ended or its stream fell silent")

    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(name, leave)


def op_apply(options):
    handle_signals()
    root = locate(options)
    source = Source("base64" in options)
    answer_to(root, source, options)


def op_push(options):
    """Both in one call: what lies here, and then, when the stream brings anything, putting it there."""
    op_status(options)
    source = Source(False)
    # Whoever asked walks a tree first.
    source.patience = FIRST_BLOCK_SECONDS
    try:
        source.fill()
    except Failure:
        return
    source.patience = IDLE_SECONDS
    if not source.ended:
        handle_signals()
        answer_to(locate(options), source, options)


def answer_to(root, source, options):
    import signal

    try:
        apply(root, source, options)
    except (Failure, OSError) as error:
        # Answer first, then swallow the rest: a sender that is still writing must not die of a closed pipe.
        reply(failure(error, root))
        try:
            signal.alarm(IDLE_SECONDS)
            source.drain()
        except (Failure, OSError):
            pass


def apply(root, source, options):
    import json

    plan = json.loads(source.member().decode("utf-8"))
    os.makedirs(os.path.join(root, STATE), exist_ok=True)
    if os.path.realpath(root) != root:
        raise Failure("stale", "the folder was replaced while the transfer began")
    with Lock(root, float(options.get("wait", ["30"])[0])) as lock:
        sweep(root)
        os.chdir(root)
        claim(root, plan)
        generation, fields = read_manifest(root)
        if text(generation) != plan["base"]:
            raise Failure("stale", "another transfer changed the folder in the meantime")
        stage = STAGING + b"/" + lock.token
        os.makedirs(stage)
        lock.beat()
        try:
            seats = Seats(stage)
            hashes = receive(source, plan, seats)
            trailer = json.loads(source.member().decode("utf-8"))
            verify(plan, hashes, trailer)
            finish(root, plan, hashes, set(trailer["bad"]), seats, fields)
        finally:
            sweep(root)


def sweep(root):
    """Removes what a dead transfer left behind. Only ever called with the lock held."""
    top = os.path.join(root, STAGING)
    if os.path.islink(top):
        raise Failure("conflict", "%s is a symbolic link" % text(STAGING), path=text(STAGING))
    for folder, folders, files in os.walk(top, topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        for name in folders:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                os.unlink(path)
            else:
                os.rmdir(path)
    if os.path.isdir(top):
        os.rmdir(top)


def claim(root, plan):
    """Our marker, made where the folder is new, empty or adopted."""
    state, marker = ownership(root, plan["owner"]["workspace"])
    if state == "other":
        raise Failure("other_owner", "%s belongs to another workspace" % text(root), marker=marker)
    if state == "foreign" and not plan["adopt"]:
        raise Failure("not_ours", "%s is not empty and carries no marker of ours" % text(root))
    if state != "ours":
        import json

        write_file(os.path.join(root, MARKER), raw(json.dumps(plan["owner"], indent=2) + "\n"))


class Seats(object):
    """Where each file of a stream waits in the staging folder. The working folder is the root.

    A file of a folder that the tree does not have yet waits in a new folder, which is moved into place as a whole: one rename for
    a thousand files, none of which changes its looks by it. All others wait under their numbers.
    """

    def __init__(self, stage):
        self.stage = stage
        self.fresh = stage + b"/fresh"
        self.tops = {}
        self.made = set()
        self.paths = {}
        self.looks = {}

    def top(self, folder):
        """The uppermost folder on the way to this one, itself included, that is not there; None where all are."""
        if folder not in self.tops:
            parent = os.path.dirname(folder)
            found = self.top(parent) if parent else None
            if found is None and not os.path.lexists(folder):
                found = folder
            self.tops[folder] = found
        return self.tops[folder]

    def target(self, number, path):
        folder = os.path.dirname(path)
        if not folder or self.top(folder) is None:
            return self.stage + b"/%d" % number
        if folder not in self.made:
            os.makedirs(self.fresh + b"/" + folder, exist_ok=True)
            self.made.add(folder)
        self.paths[number] = path
        return self.fresh + b"/" + path

    def taken(self, number, st):
        self.looks[number] = st

    def place_fresh(self, bad, made, table):
        """Moves the new folders into place; returns the numbers of the files that lie there now. What somebody else made there in the
        meantime is left to the careful way, file by file."""
        for number in bad:
            if number in self.paths:
                os.unlink(self.fresh + b"/" + self.paths[number])
        moved = set()
        for top in sorted({self.tops[folder] for folder in self.made}):
            make_room(top, made, table)
            try:
                os.rename(self.fresh + b"/" + top, top)
                moved.add(top)
            except OSError:
                continue
        return {number for number, path in self.paths.items() if number not in bad and self.top(os.path.dirname(path)) in moved}

    def waiting(self, number):
        return self.fresh + b"/" + self.paths[number] if number in self.paths else self.stage + b"/%d" % number


def receive(source, plan, seats):
    """Unpacks the stream into the staging folder; returns the hashes of the files."""
    import hashlib

    hashes = []
    flush = len(plan["files"]) <= FLUSHED_FILES
    for number, (path, kind, size, mtime, mode, content) in enumerate(plan["files"]):
        target = seats.target(number, checked(path))
        if kind == "l":
            os.symlink(raw(content), target)
            seats.taken(number, os.lstat(target))
            hashes.append(content)
            continue
        if source.header() != size:
            raise Failure("corrupt", "the stream holds a file of another size than was announced")
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, BITS[mode])
        try:
            if size <= BLOCK:
                data = source.take(size)
                written = os.write(fd, data)
                while written < size:
                    written += os.write(fd, data[written:])
                hashes.append(hashlib.sha256(data).hexdigest()[:32])
            else:
                hashes.append(copy_long(source, fd, size, hashlib.sha256()))
            if mtime >= 0:
                os.utime(fd, ns=(mtime * 1000, mtime * 1000))
            if flush:
                os.fsync(fd)
            seats.taken(number, os.fstat(fd))
        finally:
            os.close(fd)
        source.take(-size % 512)
    return hashes


def copy_long(source, fd, size, digest):
    left = size
    while left:
        data = source.some(min(left, BLOCK))
        digest.update(data)
        left -= len(data)
        while data:
            data = data[os.write(fd, data) :]
    return digest.hexdigest()[:32]


def verify(plan, hashes, trailer):
    import hashlib

    bad = set(trailer["bad"])
    joined = "\n".join(value for number, value in enumerate(hashes) if number not in bad)
    if hashlib.sha256(raw(joined)).hexdigest() != trailer["check"]:
        raise Failure("corrupt", "what arrived is not what was sent")


def finish(root, plan, hashes, bad, seats, fields):
    """Everything has arrived: delete what was agreed, move the files into place, write down what lies here now."""
    table = {fields[i]: fields[i + 1 : i + FIELDS] for i in range(0, len(fields), FIELDS)}
    deleted = [row for row in plan["delete"] if delete_one(row, plan["protect"], table)]
    made = set()
    placed = 0
    there = seats.place_fresh(bad, made, table)
    for number, (path, kind, size, mtime, mode, _content) in enumerate(plan["files"]):
        if number in bad:
            continue
        path = raw(path)
        if number in there:
            st = seats.looks[number]
        else:
            make_room(path, made, table)
            place(seats.waiting(number), path)
            st = os.lstat(path)
        placed += 1
        table[path] = [
            raw(kind),
            b"%d" % size,
            b"%d" % mtime,
            raw(mode),
            raw(hashes[number]),
            b"%d" % st.st_mtime_ns,
            b"%d" % st.st_ctime_ns,
        ]
    for row in plan["touch"]:
        touch(row, table)
    for path in plan["forget"]:
        table.pop(raw(path), None)
    flat = []
    for path, values in table.items():
        flat.append(path)
        flat.extend(values)
    write_manifest(root, raw(plan["generation"]), flat, len(plan["files"]) <= FLUSHED_FILES)
    reply({"ok": True, "root": text(root), "placed": placed, "deleted": [row[0] for row in deleted]})


def delete_one(row, protect, table):
    """Deletes a reported file, if it is still the one that was reported."""
    path = checked(row[0])
    parts = path.split(b"/")
    if parts[0] == STATE or any(path == raw(p) or path.startswith(raw(p) + b"/") for p in protect):
        return False
    try:
        st = os.lstat(path)
        if (
            through_link(path, {}) is not None
            or st.st_size != row[2]
            or str(st.st_mtime_ns) != row[3]
            or kind_of(st) != row[1]
            or row[1] not in "fl"
        ):
            return False
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    table.pop(path, None)
    folder = os.path.dirname(path)
    while folder:
        try:
            os.rmdir(folder)
        except OSError:
            break
        folder = os.path.dirname(folder)
    return True


def make_room(path, made, table):
    """The folders above the path. A link or file of ours in their place gives way; what is not ours is a conflict."""
    folder = os.path.dirname(path)
    if not folder or folder in made:
        return
    make_room(folder, made, table)
    try:
        st = os.lstat(folder)
        if not stat.S_ISDIR(st.st_mode):
            if folder not in table:
                what = "symbolic link" if stat.S_ISLNK(st.st_mode) else "file"
                raise Failure(
                    "conflict",
                    "a %s that we did not put there stands where the folder %s belongs" % (what, text(folder)),
                    path=text(folder),
                )
            os.unlink(folder)
            del table[folder]
            os.mkdir(folder)
    except FileNotFoundError:
        os.mkdir(folder)
    made.add(folder)


def place(source, path):
    try:
        os.rename(source, path)
    except OSError as error:
        import errno

        if error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
            try:
                os.rmdir(path)
                os.rename(source, path)
                return
            except OSError:
                raise Failure(
                    "conflict", "a folder that is not empty stands where the file %s belongs" % text(path), path=text(path)
                ) from None
        if error.errno != errno.EXDEV:
            raise
        # A folder of the tree on another file system: beside the target, then renamed.
        import shutil

        temporary = os.path.join(os.path.dirname(path), b"." + os.path.basename(path) + b".%d.tmp" % os.getpid())
        try:
            shutil.copy2(source, temporary, follow_symlinks=False)
            os.rename(temporary, path)
        except OSError:
            remove_quietly(temporary)
            raise


def touch(row, table):
    """Same content, other time or mode: [path, size, mtime, mode, hash]."""
    path = checked(row[0])
    size, mtime, mode, content = row[1:]
    st = os.lstat(path)
    if not stat.S_ISREG(st.st_mode) or st.st_size != size or through_link(path, {}) is not None:
        raise Failure("stale", "%s changed in the meantime" % text(path))
    entry = table.get(path)
    unchanged = entry is not None and raw(content) == entry[4] and b"%d" % st.st_ctime_ns == entry[6]
    if not unchanged and hash_of(path) != content:
        raise Failure("stale", "%s changed in the meantime" % text(path))
    if mode != mode_class(st.st_mode):
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(path, BITS[mode] & ~mask)
    if mtime >= 0:
        os.utime(path, ns=(mtime * 1000, mtime * 1000))
    st = os.lstat(path)
    table[path] = [b"f", b"%d" % size, b"%d" % mtime, raw(mode), raw(content), b"%d" % st.st_mtime_ns, b"%d" % st.st_ctime_ns]


# --- pull ----------------------------------------------------------------------------------------------------------------


class Sink(object):
    """Blocks to standard output, never more than `window` bytes ahead of what the reader says it has taken."""

    def __init__(self, window):
        self.output = sys.stdout.buffer
        self.parts = []
        self.size = 0
        self.sent = 0
        self.taken = 0
        self.window = window
        self.stored = 0

    def write(self, data):
        self.parts.append(data)
        self.size += len(data)
        if self.size >= BLOCK:
            self.flush()

    def flush(self):
        import zlib

        data = b"".join(self.parts)
        self.parts = []
        self.size = 0
        if not data:
            return
        kind = 0
        if self.stored > 0:
            self.stored -= 1
        else:
            deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
            packed = deflate.compress(data) + deflate.flush()
            if len(packed) < len(data) * 0.9:
                kind, data = 1, packed
            else:
                self.stored = 16
        self.block(kind, data)

    def block(self, kind, data):
        while self.sent - self.taken > self.window:
            line = sys.stdin.buffer.readline()
            if not line:
                raise Failure("incomplete", "the reader went away")
            self.taken = int(line)
        self.output.write(bytes([kind]) + len(data).to_bytes(4, "big") + data)
        self.output.flush()
        self.sent += len(data) + 5

    def member(self, name, data):
        self.write(tar_header(name, len(data), 0) + data + b"\0" * (-len(data) % 512))

    def end(self):
        self.flush()
        self.block(2, b"")


def tar_block(name, size, mtime, kind):
    head = bytearray(512)
    head[0 : len(name)] = name
    head[100:108] = b"0000644\0"
    head[108:116] = b"0000000\0"
    head[116:124] = b"0000000\0"
    head[124:136] = b"%011o\0" % min(size, 0o77777777777)
    head[136:148] = b"%011o\0" % max(0, mtime)
    head[148:156] = b" " * 8
    head[156:157] = kind
    head[257:265] = b"ustar\00000"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def pax_record(key, value):
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


def tar_header(name, size, mtime):
    records = b""
    if len(name) > 99 or any(byte > 126 for byte in name):
        records += pax_record(b"path", name)
    if size > 0o77777777777:
        records += pax_record(b"size", b"%d" % size)
    extended = b""
    if records:
        extended = tar_block(b"pax", len(records), 0, b"x") + records + b"\0" * (-len(records) % 512)
    return extended + tar_block(name[:99], size, mtime, b"0")


def op_pull(options):
    import json
    import signal

    def leave(_signal, _frame):
        raise Failure("incomplete", "the transfer was ended")

    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(name, leave)
    sys.stdout.buffer.write(STREAM_MAGIC)
    sink = Sink(int(options.get("window", ["16777216"])[0]))
    try:
        request = json.loads(Source(False).rest().decode("utf-8"))
        root = os.fsencode(request["root"])
        if root == b"~" or root.startswith(b"~/"):
            root = home_folder() + root[1:]
        if not os.path.isdir(root):
            raise Failure("missing", "%s is not there" % text(root), path=text(root))
        os.chdir(root)
        send(sink, request)
    except (Failure, OSError) as error:
        sink.parts, sink.size = [], 0
        sink.block(3, raw(json.dumps(failure(error, b""))))


def find(request):
    """(path, stat) of the files that were asked for, the explicit ones that are missing, and the links passed over."""
    import re

    found, missing, passed = [], [], []
    for path in request["files"]:
        name = checked(path)
        try:
            st = os.lstat(name)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(path)
            continue
        if stat.S_ISREG(st.st_mode) and through_link(name, {}) is None:
            found.append((name, st))
        else:
            passed.append(path)
    tests = [(raw(row["prefix"]), re.compile(row["regex"], re.S)) for row in request["patterns"]]
    seen = {name for name, _ in found}
    for prefix, _ in tests:
        if prefix and (not os.path.isdir(prefix) or os.path.islink(prefix) or through_link(prefix, {}) is not None):
            continue
        stack = [prefix]
        while stack:
            folder = stack.pop()
            if folder == STAGING:
                continue
            for entry in os.scandir(folder or b"."):
                name = folder + b"/" + entry.name if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    stack.append(name)
                    continue
                shown = text(name)
                if name in seen or not any(regex.match(shown) for _, regex in tests):
                    continue
                seen.add(name)
                if entry.is_file(follow_symlinks=False):
                    found.append((name, entry.stat(follow_symlinks=False)))
                else:
                    passed.append(shown)
    found.sort()
    return found, missing, passed


def send(sink, request):
    import json

    found, missing, passed = find(request)
    have = request["have"]
    wanted, unchanged, total = [], 0, 0
    for name, st in found:
        mine = have.get(text(name))
        if mine is not None and mine[0] == st.st_size and abs(mine[1] - st.st_mtime_ns // 1000) <= 2:
            unchanged += 1
            continue
        try:
            name.decode("utf-8")
        except UnicodeDecodeError:
            passed.append(text(name))
            continue
        wanted.append((name, st))
        total += st.st_size
    if len(wanted) > request["maxFiles"] or total > request["maxBytes"]:
        raise Failure("too_many", "%d files of %d bytes match" % (len(wanted), total), files=len(wanted), bytes=total)
    sink.member(
        b"listing",
        raw(
            json.dumps(
                {
                    "missing": missing,
                    "passed": passed,
                    "unchanged": unchanged,
                    "bytes": total,
                    "files": [[text(name), st.st_size, st.st_mtime_ns // 1000, mode_class(st.st_mode)] for name, st in wanted],
                }
            )
        ),
    )
    bad = []
    for number, (name, st) in enumerate(wanted):
        sink.write(tar_header(name, st.st_size, int(st.st_mtime)))
        if not send_file(sink, name, st):
            bad.append(number)
        # The reader keeps a file back until it has read how its sending went.
        sink.member(b"verdict", b"bad" if bad and bad[-1] == number else b"good")
    sink.write(b"\0" * 1024)
    sink.end()


def send_file(sink, name, st):
    """The file's bytes, padded to the promised length when it shrank or cannot be read; False then."""
    left = st.st_size
    good = True
    try:
        fd = os.open(name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            while left:
                data = os.read(fd, min(left, BLOCK))
                if not data:
                    good = False
                    break
                sink.write(data)
                left -= len(data)
        finally:
            os.close(fd)
    except OSError:
        good = False
    while left:
        sink.write(b"\0" * min(left, BLOCK))
        left -= min(left, BLOCK)
    sink.write(b"\0" * (-st.st_size % 512))
    return good


# --- what went wrong, as data ------------------------------------------------------------------------------------------


def failure(error, root):
    import errno

    if isinstance(error, Failure):
        return {"ok": False, "kind": error.kind, "message": str(error), "details": error.details}
    kind = {
        errno.ENOSPC: "no_space",
        errno.EDQUOT: "no_space",
        errno.EACCES: "permission",
        errno.EPERM: "permission",
        errno.EROFS: "permission",
    }.get(error.errno, "system")
    name = error.filename
    name = text(name) if isinstance(name, bytes) else str(name or text(root))
    return {
        "ok": False,
        "kind": kind,
        "message": "%s: %s" % (name, error.strerror),
        "details": {"path": name, "errno": errno.errorcode.get(error.errno, "")},
    }


def main(argv):
    options = {}
    for word in argv[1:]:
        key, _, value = word.partition("=")
        options.setdefault(key, []).append(value)
    operation = {"status": op_status, "compare": op_compare, "apply": op_apply, "push": op_push, "pull": op_pull}[argv[0]]
    try:
        operation(options)
    except (Failure, OSError) as error:
        reply(failure(error, b""))
    return 0
