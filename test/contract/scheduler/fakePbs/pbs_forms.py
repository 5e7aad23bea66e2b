"""How jobs are printed: the text of `qstat -f`, the JSON of two generations of clients, and the tables.

A record is (id, attributes), attributes a list of (name, resource or None, value): as the server sends them, all values text.
Held against the verbatim recordings of a real server by `fakePbs.test.ts`.
"""

import json
import re

WIDTH = 79
CONTINUED = 10


def size(text):
    return len(text.encode("utf-8", "surrogateescape"))


def fold(head, value):
    """Folds after commas, which are not counted; a piece that is too long by itself is cut at the margin."""
    out = head
    column = len(head)
    pieces = value.split(",")
    for number, piece in enumerate(pieces):
        if column + size(piece) >= WIDTH:
            if number > 0:
                out += "\n\t"
                column = CONTINUED
            while column + size(piece) >= WIDTH:
                fits = max(1, WIDTH - column)
                out += piece[:fits] + "\n\t"
                piece = piece[fits:]
                column = CONTINUED
        out += piece
        column += size(piece)
        if number < len(pieces) - 1:
            out += ","
    return out


def text_form(records, wide=False):
    out = ""
    for job_id, attributes in records:
        out += "Job Id: %s\n" % job_id
        for name, resource, value in attributes:
            head = "    %s%s = " % (name, "." + resource if resource else "")
            if name == "Variable_List":
                value = ",".join("%s=%s" % pair for pair in value)
            out += (head + value if wide else fold(head, value)) + "\n"
        out += "\n"
    return out


def looks_like_number(value):
    return re.match(r"^-?(?:\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?$", value) is not None


def grouped(attributes):
    """Resources under their attribute, in order."""
    groups = []
    for name, resource, value in attributes:
        if resource is None:
            groups.append((name, value))
        elif groups and groups[-1][0] == name:
            groups[-1][1].append((resource, value))
        else:
            groups.append((name, [(resource, value)]))
    return groups


def value_a(value, typed):
    """HEAD: whatever parses as JSON becomes JSON."""
    if typed:
        try:
            parsed = json.loads(value)
            if isinstance(parsed, (int, float, bool, list, dict)) or parsed is None:
                return json.dumps(parsed)
        except ValueError:
            if re.match(r"^\d+$", value):
                return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def json_a(header, key, records):
    """cJSON's layout."""

    def block(pairs, depth):
        tabs = "\t" * depth
        return "{\n" + ",\n".join('%s"%s":\t%s' % (tabs, name, item) for name, item in pairs) + "\n" + "\t" * (depth - 1) + "}"

    def job(attributes):
        pairs = []
        for name, value in grouped(attributes):
            if isinstance(value, list):
                pairs.append((name, block([(n, value_a(v, True)) for n, v in value], 4)))
            else:
                pairs.append((name, value_a(value, name != "Job_Name")))
        return block(pairs, 3)

    pairs = [(name, value if isinstance(value, str) and value.isdigit() else json.dumps(value)) for name, value in header]
    if records:
        pairs.append((key, block([(job_id, job(attributes)) for job_id, attributes in records], 2)))
    return block(pairs, 1) + "\n"


def value_b(value):
    return value if looks_like_number(value) or value in ("NaN",) else json.dumps(value, ensure_ascii=False)


def swallowed(pairs):
    """The release: an empty variable takes the next one for its value."""
    found = []
    index = 0
    while index < len(pairs):
        name, value = pairs[index]
        if value == "" and index + 1 < len(pairs):
            found.append((name, ",%s=%s" % pairs[index + 1]))
            index += 1
        else:
            found.append((name, value))
        index += 1
    return found


def json_b(header, key, records):
    """The hand-written layout of the release; no line break at its end."""

    def block(pairs, depth):
        return "{\n" + ",\n".join('%s"%s":%s' % ("    " * depth, name, item) for name, item in pairs) + "\n" + "    " * (depth - 1) + "}"

    def job(attributes):
        pairs = []
        for name, value in grouped(attributes):
            if name == "Variable_List":
                value = swallowed(value)
            pairs.append((name, block([(n, value_b(v)) for n, v in value], 4) if isinstance(value, list) else value_b(value)))
        return block(pairs, 3)

    pairs = [(name, value if isinstance(value, str) and value.isdigit() else json.dumps(value)) for name, value in header]
    if records:
        pairs.append((key, block([(job_id, job(attributes)) for job_id, attributes in records], 2)))
    return block(pairs, 1)


def cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "*"


def value_of(attributes, name, resource=None, default=""):
    for found, part, value in attributes:
        if found == name and part == resource:
            return value
    return default


def short_table(records):
    out = "Job id            Name             User              Time Use S Queue\n"
    out += "----------------  ---------------- ----------------  -------- - -----\n"
    for job_id, attributes in records:
        used = value_of(attributes, "resources_used", "cput") or "0"
        user = value_of(attributes, "Job_Owner").split("@")[0]
        row = (cut(job_id, 16), cut(value_of(attributes, "Job_Name"), 16), cut(user, 16), used, value_of(attributes, "job_state"), value_of(attributes, "queue"))
        out += "%-16s  %-16s %-16s  %8s %s %-16s\n" % row
    return out if records else ""


def user_table(server, records):
    if not records:
        return ""
    out = "\n%s: \n" % server
    out += "                                                            Req'd  Req'd   Elap\n"
    out += "Job ID          Username Queue    Jobname    SessID NDS TSK Memory Time  S Time\n"
    out += "--------------- -------- -------- ---------- ------ --- --- ------ ----- - -----\n"
    for job_id, attributes in records:
        state = value_of(attributes, "job_state")
        walltime = value_of(attributes, "Resource_List", "walltime")
        out += "%-15s %-8s %-8s %-10s %6s %3s %3s %6s %5s %s %5s\n" % (
            cut(job_id, 15),
            cut(value_of(attributes, "Job_Owner").split("@")[0], 8),
            cut(value_of(attributes, "queue"), 8),
            cut(value_of(attributes, "Job_Name"), 10),
            cut(value_of(attributes, "session_id"), 6) or "-- ",
            value_of(attributes, "Resource_List", "nodect", "1"),
            value_of(attributes, "Resource_List", "ncpus", "1"),
            cut(value_of(attributes, "Resource_List", "mem"), 6) or "-- ",
            walltime[:5] if walltime else "-- ",
            state,
            "00:00" if state in ("R", "F", "E") else "-- ",
        )
    return out
