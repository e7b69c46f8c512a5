"""Reads feature, page, track and guide usage with tap-pendo as it is shipped, and compares it, row by row, with what the
simulator says it has. So the simulator is held against what somebody else believes of Pendo.

Needs `pip install tap-pendo==1.2.0`. Nothing of the tap is changed but the host's name. Usage: tap.py BASE_URL KEY START_DATE

The tap names an object and no app, and Pendo then answers for the default app only: rows of other apps are not expected, nor
those of the exclude list, which Pendo leaves out.
"""

import collections
import collections.abc
import json
import sys
import urllib.request

collections.Mapping = collections.abc.Mapping  # an old library of the tap looks for it there

import singer
import tap_pendo
from tap_pendo import streams

DEFAULT_APP = -323232
# Usage, the list that it is asked for by, the simulator's kind, the member that names the object.
KINDS = [
    ("feature_events", "features", "feature", "feature_id"),
    ("page_events", "pages", "page", "page_id"),
    ("track_events", "track_types", "track", "track_type_id"),
]

base_url, key, start_date = sys.argv[1:]
streams.US_BASE_URL = base_url


class Kept:
    """Stands in for standard output, and keeps the records."""

    records = collections.defaultdict(list)

    def write(self, text):
        """Keeps a line that is a record."""
        for line in text.splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])

    def flush(self):
        """All is kept already."""


def instant_ms(text):
    """An instant as the tap writes it, in milliseconds since 1970."""
    return round(singer.utils.strptime_to_utc(text).timestamp() * 1000)


config = tap_pendo.filter_app_ids({"start_date": start_date, "x_pendo_integration_key": key, "period": "hourRange"})
catalog = {"streams": tap_pendo.discover_streams(config)}
wanted = {name for kind in KINDS for name in kind[:2]}
for stream in catalog["streams"]:
    if stream["tap_stream_id"] in wanted:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True

out, sys.stdout = sys.stdout, Kept()
tap_pendo.sync(config, {}, singer.Catalog.from_dict(catalog))
records, sys.stdout = sys.stdout.records, out

differ = False
for usage, _, kind, member in KINDS:
    with urllib.request.urlopen(f"{base_url}/simulator/truth?kind={kind}") as answer:
        truth = [json.loads(line) for line in answer]
    from_ms = instant_ms(start_date)
    others = sum(row["app_id"] != DEFAULT_APP for row in truth)
    expected = collections.Counter(
        (row["object_id"], row["visitor_id"], row["account_id"] or "", row["hour_ms"], row["events"], row["minutes"])
        for row in truth
        if row["app_id"] == DEFAULT_APP and not row["excluded"] and row["hour_ms"] >= from_ms
    )
    found = collections.Counter(
        (row[member], row["visitor_id"], row.get("account_id") or "", instant_ms(row["hour"]), row["num_events"], row["num_minutes"])
        for row in records[usage]
    )
    missing, more = expected - found, found - expected
    print(
        f"{usage}: {found.total()} rows read, {expected.total()} expected, {missing.total()} missing, {more.total()} too many "
        f"({others} rows of other apps are not asked for)"
    )
    for name, rows in (("missing", missing), ("too many", more)):
        for row in list(rows)[:3]:
            print(f"  {name}: {row}")
    differ = differ or bool(missing or more) or not found
sys.exit(1 if differ else 0)
