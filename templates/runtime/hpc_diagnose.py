"""Reads the ends of failed tasks' logs where they lie, and tells what they have in common. Imported by hpc_remote.py.

Rules:
- What counts as a signature comes with the request (one table, in TypeScript); here is only how a log is read.
- Bounded: the last part of each file, so many groups, so many seconds. Ten thousand logs come back as a few groups, each with the tasks
  it stands for as ranges and one sample; what there was no time for is said.
- Logs are anything: missing, binary, torn, of one endless line, with the control characters of progress bars and colours. Nothing in
  them makes this fail, and nothing of them but printable text goes back.
- The class is not decided here: what was found is reported with where it stood and how much came after it.

Python 3.6 or newer, standard library only.
"""

import errno
import os
import re
import stat
import time

MAX_LINE = 2000
MAX_TEXT = 300
MAX_SAMPLE = 6000
MAX_FRAMES = 200
# How much of a file before its end may be read only to number a sample's lines.
MAX_COUNTED = 64 << 20

ESCAPES = re.compile(rb"\x1b\[[0-9;:?<=>]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]{0,4000}(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")

LETTERS = re.compile(r"\w")
HEADER = "Traceback (most recent call last):"
FRAME = re.compile(r'\s+(?:\|\s+)*File "([^\n]{1,1000})", line (\d+)(?:, in (.{0,200}))?')
EXCEPTION = re.compile(r"([A-Za-z_][\w.]{0,200})(?::|$)")
LINKS = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
FOREIGN_CODE = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python\d|/conda/|/miniforge|^<|/spack/|/importlib/")
# Exceptions that only say that another program failed: what it said itself stands before them.
WRAPPERS = re.compile(r"(?:^|\.)(?:ChildFailedError|CalledProcessError|ProcessRaisedException|ProcessExitedException)$")


# ---------------------------------------------------------------- text


def clean(data):
    """One line as printable text; of what a progress bar wrote over itself, the last."""
    text = data[-MAX_LINE:].decode("utf-8", "replace")
    if text.isprintable() and "\ufeff" not in text:
        return text.rstrip()  # nearly all lines: the rest costs ten times as much
    if "\r" in text:
        parts = [part for part in text.split("\r") if part.strip()]
        text = parts[-1] if parts else ""
    return CONTROLS.sub(" ", text).rstrip()


def limited(text, length=MAX_TEXT):
    text = text.strip()
    return text if len(text) <= length else text[: length - 1] + "…"


NOISE = (
    # A path, with what is quoted around it kept apart: from a slash that begins a word to where a word ends. First, for a part
    # of it may look like any of the others.
    (re.compile(r"(?<![\w./~-])(?:~|\.{1,2})?/[^\s'\"`,;:()<>\[\]{}=]+"), "<path>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b"), "<id>"),
    (re.compile(r"\b0[xX][0-9A-Fa-f]+"), "<address>"),
    (re.compile(r"\btmp[A-Za-z0-9_]{6,12}\b"), "<temp>"),
    (re.compile(r"\b\d+[.,]\d+(?:[eE][+-]?\d+)?\b"), "#"),
    # Hashes: long, of hexadecimal digits, with at least one figure and one letter.
    (re.compile(r"\b(?=[0-9A-Fa-f]*\d)(?=\d*[A-Fa-f])[0-9A-Fa-f]{8,}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?"), "#"),
    (re.compile(r"[+-]#"), "#"),
    (re.compile(r"\s+"), " "),
)


def fingerprint(text):
    """What stays the same when the same thing happens to another task, at another time, on another node."""
    text = text[:MAX_LINE]
    for pattern, by in NOISE:
        text = pattern.sub(by, text)
    return text.strip()[:MAX_TEXT]


# ---------------------------------------------------------------- one log


class Unreadable(Exception):
    pass


class Log:
    """The end of one file: its lines as bytes, the first one whole or known to be cut."""

    def __init__(self, path, limit):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise Unreadable
            self.size = facts.st_size
            self.start = max(0, self.size - limit)
            os.lseek(handle, self.start, os.SEEK_SET)
            data = b""
            while len(data) < limit:
                part = os.read(handle, limit - len(data))
                if not part:
                    break
                data += part
        finally:
            os.close(handle)
        self.path = path
        if b"\x1b" in data:
            data = ESCAPES.sub(b"", data)
        self.data = data
        self.lower = data.lower()
        self.lines = data.split(b"\n")
        if self.lines and not self.lines[-1]:
            self.lines.pop()

    def text(self, number):
        return clean(self.lines[number])

    def line_at(self, position):
        return self.data.count(b"\n", 0, position)


def is_absent(error):
    return error.errno in (errno.ENOENT, errno.ENOTDIR)


class Reader:
    def __init__(self, request):
        self.signatures = [
            (each["id"], re.compile(each["pattern"]), [hint.lower().encode("utf-8") for hint in each["hints"]])
            for each in request["signatures"]
        ]
        self.noise = [(re.compile(each["pattern"]), [hint.lower().encode("utf-8") for hint in each["hints"]]) for each in request["noise"]]
        root = request.get("root") or ""
        self.roots = [part.rstrip("/") + "/" for part in {root, os.path.realpath(root) if root else ""} if part]

    def significant(self, log):
        """Numbers of the last lines that say something, the last first; more than are counted anywhere."""
        noise = [pattern for pattern, hints in self.noise if any(hint in log.lower for hint in hints)]
        found = []
        for number in range(len(log.lines) - 1, max(-1, len(log.lines) - 400), -1):
            text = log.text(number)
            if LETTERS.search(text) and not any(pattern.search(text) for pattern in noise):
                found.append(number)
                if len(found) == 40:
                    break
        return found

    def hits(self, log):
        """The last line that each signature matches: {id, line number, text}."""
        found = []
        for name, pattern, hints in self.signatures:
            best = -1
            for hint in hints:
                if hint not in log.lower:
                    continue
                end = len(log.lower)
                for _ in range(40):
                    position = log.lower.rfind(hint, 0, end)
                    if position < 0:
                        break
                    number = log.line_at(position)
                    if number <= best:
                        break
                    if number < len(log.lines) and pattern.search(log.text(number)):
                        best = number
                        break
                    end = log.data.rfind(b"\n", 0, position) + 1
                    if end <= 0:
                        break
            if best >= 0:
                found.append({"id": name, "number": best, "text": limited(log.text(best))})
        return found

    def traces(self, log):
        """The Python tracebacks of the log's end: lists of {number, type, text, frames, linked}, in the order in which they stand."""
        found = []
        mark = HEADER.lower().encode("ascii")
        starts = []
        end = len(log.lower)
        while len(starts) < 40:
            position = log.lower.rfind(mark, 0, end)
            if position < 0:
                break
            starts.append(log.line_at(position))
            end = position
        for start in reversed(starts):
            trace = self.trace(log, start)
            if trace:
                found.append(trace)
        return found

    def trace(self, log, start):
        first = log.text(start)
        at = first.find(HEADER)
        if at < 0:
            return None
        # What a launcher puts before every line (`[rank0]: `, `3: `); of an exception group, its frame.
        prefix = first[:at].rstrip("+ ")
        frames = []
        linked = False
        for number in range(start - 1, max(-1, start - 6), -1):
            text = log.text(number).strip()
            if text:
                linked = any(link in text for link in LINKS)
                break
        for number in range(start + 1, min(len(log.lines), start + 3000)):
            text = log.text(number)
            if prefix.strip() and text.startswith(prefix.rstrip()):
                text = text[len(prefix.rstrip()) :]
                text = text[1:] if text.startswith(" ") and not text.startswith("  ") else text
            frame = FRAME.match(text)
            if frame:
                frames.append((frame.group(1), int(frame.group(2)), frame.group(3) or ""))
                if len(frames) > MAX_FRAMES:
                    del frames[: MAX_FRAMES // 2]
                continue
            if not text.strip() or text[0] in " \t|":
                continue
            match = EXCEPTION.match(text)
            if not match or HEADER in text:
                return None
            return {"number": number, "start": start, "type": match.group(1), "text": limited(text), "frames": frames, "linked": linked}
        return None

    def place(self, frames):
        """The user's own line that the exception came through last: [file, line, function], and whether it is theirs."""
        for path, line, function in reversed(frames):
            for root in self.roots:
                if path.startswith(root) and not FOREIGN_CODE.search(path[len(root) - 1 :]):
                    return [path[len(root) :], line, function, True]
            if not path.startswith("/") and not path.startswith("<"):
                return [path, line, function, True]
        for path, line, function in reversed(frames):
            if not FOREIGN_CODE.search(path):
                return [path, line, function, True]
        if frames:
            path, line, function = frames[-1]
            return ["/".join(path.split("/")[-3:]), line, function, False]
        return None

    def syntax_place(self, log, number):
        for before in range(number - 1, max(-1, number - 5), -1):
            frame = FRAME.match(log.text(before))
            if frame:
                return self.place([(frame.group(1), int(frame.group(2)), "")])
        return None

    def read(self, log):
        """What the log says: {hits, trace, last}, with how many lines that say something came after each."""
        significant = self.significant(log)

        def after(number):
            count = 0
            for each in significant:
                if each <= number:
                    break
                # The lines of a message of several lines belong to it.
                if log.lines[each][:1] not in (b" ", b"\t"):
                    count += 1
            return count

        hits = self.hits(log)
        for hit in hits:
            hit["after"] = after(hit["number"])
        traces = self.traces(log)
        trace = None
        if traces:
            chosen = len(traces) - 1
            if chosen > 0 and WRAPPERS.search(traces[chosen]["type"]):
                chosen -= 1
            trace = traces[chosen]
            chain = []
            at = chosen
            while at > 0 and traces[at]["linked"]:
                at -= 1
                chain.append(traces[at]["text"])
            trace = {
                "number": trace["number"],
                "type": trace["type"],
                "text": trace["text"],
                "place": self.place(trace["frames"]),
                # Exceptions that this one was raised from, the nearest first.
                "chain": chain[:8],
                "after": after(traces[-1]["number"] if chosen < len(traces) - 1 else trace["number"]),
            }
        else:
            for hit in hits:
                if hit["id"] == "syntax_error":
                    hit["place"] = self.syntax_place(log, hit["number"])
        last = significant[0] if significant else None
        return {"hits": hits, "trace": trace, "last": None if last is None else {"number": last, "text": limited(log.text(last))}}


# ---------------------------------------------------------------- many logs


def nearness(after):
    return "end" if after <= 3 else "near" if after <= 25 else "far"


def key_of(stream, found):
    trace, last = found["trace"], found["last"]
    hits = tuple((hit["id"], fingerprint(hit["text"]), nearness(hit["after"])) for hit in found["hits"])
    told = trace and (fingerprint(trace["text"]), tuple((trace["place"] or [])[:2]), nearness(trace["after"]))
    return (stream, hits, told, fingerprint(last["text"]) if last and not hits and not told else "")


def coarse_key(stream, found):
    return (stream, tuple(hit["id"] for hit in found["hits"]), found["trace"] and found["trace"]["type"])


def add_task(ranges, task):
    if ranges and ranges[-1][1] + 1 == task:
        ranges[-1][1] = task
    else:
        ranges.append([task, task])


def count_lines(path, length):
    """Newlines in the file's first bytes; None where that is too much to read."""
    if length > MAX_COUNTED:
        return None
    count = 0
    try:
        with open(path, "rb") as handle:
            while length > 0:
                part = handle.read(min(length, 1 << 20))
                if not part:
                    return None
                count += part.count(b"\n")
                length -= len(part)
    except (IOError, OSError):
        return None
    return count


def sample_of(task, stream, log, found, lines):
    """The lines around what proves it, for a person; `first` is the number of the first in the log's end."""
    parts = found["hits"] + ([found["trace"]] if found["trace"] else [])
    marks = [part["number"] for part in parts if nearness(part["after"]) != "far"]
    end = len(log.lines)
    if marks:
        end = min(end, max(marks) + 4)
    first = max(0, end - lines)
    texts = [log.text(number) for number in range(first, end)]
    size = 0
    for back in range(len(texts) - 1, -1, -1):
        size += len(texts[back]) + 1
        if size > MAX_SAMPLE:
            texts, first = texts[back + 1 :], first + back + 1
            break
    return {
        "task": task,
        "stream": stream,
        "path": log.path,
        "size": log.size,
        "start": log.start,
        "first": first,
        "text": "\n".join(texts),
    }


def elements(files):
    for each in files:
        for first_task, first_index, count in each["elements"]:
            for offset in range(count):
                index = str(first_index + offset)
                yield first_task + offset, each["err"].replace("\0", index), each["out"].replace("\0", index)


def scan(request):
    reader = Reader(request)
    deadline = time.monotonic() + request["seconds"]
    most = request["max_groups"]
    groups = {}
    missing, unreadable, unread = [], [], []
    late = False
    for task, err, out in elements(request["files"]):
        late = late or time.monotonic() > deadline
        if late:
            add_task(unread, task)
            continue
        chosen = None
        problems = []
        for stream, path, limit in (("err", err, request["err_bytes"]), ("out", out, request["out_bytes"])):
            try:
                log = Log(path, limit)
                found = reader.read(log)
            except (IOError, OSError) as error:
                problems.append(error)
                continue
            except Unreadable as error:
                problems.append(error)
                continue
            if chosen is None or found["hits"] or found["trace"] or (found["last"] and not chosen[2]["last"]):
                chosen = (stream, log, found)
            if found["hits"] or found["trace"]:
                break
        if chosen is None:
            gone = all(isinstance(error, OSError) and is_absent(error) for error in problems)
            add_task(missing if gone else unreadable, task)
            continue
        stream, log, found = chosen
        key = key_of(stream, found)
        if key not in groups and len(groups) >= most:
            key = coarse_key(stream, found)
            if key not in groups and len(groups) >= 2 * most:
                key = "rest"
        group = groups.get(key)
        if group is None:
            group = groups[key] = {"tasks": [], "found": found, "sample": sample_of(task, stream, log, found, request["lines"])}
        add_task(group["tasks"], task)
    counted = 0
    reply = []
    for group in groups.values():
        sample, found = group["sample"], group["found"]
        before = None
        if counted + sample["start"] <= 4 * MAX_COUNTED and time.monotonic() < deadline + 5:
            counted += sample["start"]
            before = count_lines(sample["path"], sample["start"])
        # Lines are numbered from 1, in the whole file; null where it is too long to count them.
        for part in found["hits"] + [p for p in (found["trace"], found["last"]) if p]:
            number = part.pop("number")
            part["line"] = None if before is None else before + number + 1
            part["fingerprint"] = fingerprint(part["text"])
        first = sample.pop("first")
        sample["line"] = None if before is None else before + first + 1
        reply.append({"tasks": group["tasks"], "hits": found["hits"], "trace": found["trace"], "last": found["last"], "sample": sample})
    return {"groups": reply, "missing": missing, "unreadable": unreadable, "unread": unread}
