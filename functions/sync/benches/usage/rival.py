"""Reads feature usage with tap-pendo as it is shipped, from another host; prints rows, CPU seconds and peak memory as JSON.

Needs `pip install tap-pendo==1.2.0`. Nothing of the tap is changed but the host's name, and what it prints is counted
instead of kept. Usage: rival.py BASE_URL KEY START_DATE
"""

import collections
import collections.abc
import json
import resource
import sys
import time

# A library that the tap pins looks for this where it was before Python 3.10.
collections.Mapping = collections.abc.Mapping

import singer
import tap_pendo
from tap_pendo import streams

base_url, key, start_date = sys.argv[1:]
streams.US_BASE_URL = base_url


class Counted:
    """Stands in for standard output."""

    rows = 0

    def write(self, text):
        """Counts the records of usage."""
        self.rows += '"RECORD"' in text and '"feature_events"' in text

    def flush(self):
        """Nothing is kept."""


config = tap_pendo.filter_app_ids({"start_date": start_date, "x_pendo_integration_key": key, "period": "hourRange"})
catalog = {"streams": tap_pendo.discover_streams(config)}
for stream in catalog["streams"]:
    if stream["tap_stream_id"] in ("features", "feature_events"):
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True

out, sys.stdout = sys.stdout, Counted()
before = resource.getrusage(resource.RUSAGE_SELF)
began = time.monotonic()
tap_pendo.sync(config, {}, singer.Catalog.from_dict(catalog))
used = resource.getrusage(resource.RUSAGE_SELF)
json.dump(
    {
        "rows": sys.stdout.rows,
        "cpu_seconds": used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
        "seconds": time.monotonic() - began,
        "peak_memory_bytes": used.ru_maxrss * 1024,
    },
    out,
)
