"""What .ci/contract gives to Schemathesis beside the document; each of its processes loads it and leaves `answered.json` where it ran."""

import atexit
import json
import pathlib
import zlib
from base64 import urlsafe_b64encode
from collections import Counter

import schemathesis
from hypothesis import strategies as st

# The formats of the document that are its own.
zones = ["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "Australia/Brisbane"]
schemathesis.openapi.format("iana-time-zone", st.sampled_from(zones))

places = st.tuples(st.sampled_from(["account", "contact"]), st.text(st.characters(codec="utf-8"), max_size=40))
cursor = lambda place: urlsafe_b64encode("/".join(place).encode()).decode().rstrip("=")
schemathesis.openapi.format("cursor", places.map(cursor))

standing = json.loads(pathlib.Path("standing.json").read_text())
answered = Counter()


@schemathesis.hook
def map_case(context, case):
    """A drawn name is nobody's, and all that is said of it is 404: three of four become one that stands there."""
    if case.meta is not None and not case.meta.generation.mode.is_negative:
        for part, names in ((case.path_parameters, standing["path"]), (case.query, standing["query"])):
            for name in set(part or {}) & set(names):
                drawn = zlib.crc32(repr(part[name]).encode())
                if drawn % 4 and names[name]:
                    part[name] = names[name][drawn // 4 % len(names[name])]
    return case


@schemathesis.hook
def after_call(context, case, response):
    answered[response.status_code] += 1


atexit.register(lambda: pathlib.Path("answered.json").write_text(json.dumps(answered)))
