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


def definitions(body):
    """The calculated fields that a body defines."""
    if isinstance(body, dict):
        fields = body.get("fields") if isinstance(body.get("fields"), list) else []
        yield from (found for found in (body, body.get("definition"), *fields) if isinstance(found, dict) and "usage" in found)


@schemathesis.hook
def map_case(context, case):
    """What is drawn names nothing that stands, so nearly all of it would be a 404 or a 422. Three of four become names that stand, and
    definitions that name no object of Pendo."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return case
    query = case.query or {}
    levels = [standing[query["object"]]] if query.get("object") in standing else list(standing.values())
    for part, columns in ((case.path_parameters or {}, {"id": "field ids"}), (query, {"id": "ids", "field": "fields"})):
        for name in sorted(set(part) & set(columns)):
            drawn = zlib.crc32(repr(part[name]).encode())
            names = [found for level in levels for found in level[columns[name]]]
            if drawn % 4 and names:
                part[name] = names[drawn // 4 % len(names)]
    for definition in definitions(case.body):
        if isinstance(definition["usage"], dict) and zlib.crc32(repr(definition).encode()) % 4:
            for name in ("ids", "types", "apps"):
                definition["usage"].pop(name, None)
    return case


@schemathesis.hook
def after_call(context, case, response):
    answered[response.status_code] += 1


atexit.register(lambda: pathlib.Path("answered.json").write_text(json.dumps(answered)))
