"""Calculates the benchmark's metrics with DuckDB and with Polars out of Parquet, two threads each; prints what each took as JSON.

Needs `pip install duckdb polars`. Usage: engines.py ROWS.csv COPIES DAYS END, where END is the hour after the last, and the rows are
taken COPIES times, each so many DAYS earlier. Each engine calculates in a process of its own; that alone is counted, from when the
engine is imported.
"""

import json
import os
import resource
import subprocess
import sys


def used():
    """Processor time of this process so far, in seconds."""
    so_far = resource.getrusage(resource.RUSAGE_SELF)
    return so_far.ru_utime + so_far.ru_stime


def made(rows, copies, days, end):
    """The Parquet file of the rows, made once. Whole days alone are there again, as in what the benchmark stores."""
    import duckdb

    parquet = f"{rows}.{copies}.parquet"
    back = f"{24 * days} * copy"
    duckdb.execute("SET threads = 2")
    duckdb.execute(
        f"""COPY (SELECT hour - {back} AS hour, account, contact, visitor, object, events, minutes,
                    last_ms - {back} * 3600000 AS last_ms
                  FROM read_csv('{rows}', types = {{'visitor': 'UBIGINT', 'account': 'VARCHAR', 'contact': 'VARCHAR',
                    'object': 'VARCHAR', 'hour': 'INTEGER', 'events': 'BIGINT', 'minutes': 'BIGINT', 'last_ms': 'BIGINT'}}),
                    range({copies}) AS copies(copy) WHERE copy = 0 OR hour >= {end} - 24 * {days})
            TO '{parquet}' (FORMAT parquet)"""
    )
    return parquet


def duckdb_sums(parquet, metrics, today):
    """The sums of each metric over all objects, after it was grouped by object."""
    import duckdb

    duckdb.execute("SET threads = 2")
    began = used()
    month, week, before = today - 24 * 30, today - 24 * 7, today - 24 * 60
    by = {
        "accounts": f"""SELECT sum(week)::BIGINT, sum(month)::BIGINT, sum(events)::BIGINT, sum(events + earlier)::BIGINT,
                sum(minutes)::BIGINT, sum(days)::BIGINT, max(last)::BIGINT FROM (SELECT account,
                count(DISTINCT visitor) FILTER (hour >= {week} AND hour < {today} AND events > 0) AS week,
                count(DISTINCT visitor) FILTER (hour >= {month} AND hour < {today} AND events > 0) AS month,
                coalesce(sum(events) FILTER (hour >= {month} AND hour < {today}), 0) AS events,
                coalesce(sum(events) FILTER (hour >= {before} AND hour < {month}), 0) AS earlier,
                sum(minutes) AS minutes, count(DISTINCT hour // 24) FILTER (events > 0) AS days, max(last_ms) AS last
                FROM '{parquet}' WHERE account <> '' GROUP BY account)""",
        "features": f"""SELECT list(events ORDER BY object) FROM (SELECT object, sum(events)::BIGINT AS events FROM
                (SELECT account, object, sum(events) AS events FROM '{parquet}' WHERE account <> ''
                GROUP BY account, object) GROUP BY object)""",
        "contacts": f"""SELECT sum(events)::BIGINT, sum(minutes)::BIGINT, max(last)::BIGINT FROM
                (SELECT contact, account, sum(events) AS events, sum(minutes) AS minutes, max(last_ms) AS last
                FROM '{parquet}' WHERE contact <> '' GROUP BY contact, account)""",
    }
    row = list(duckdb.execute(by[metrics]).fetchone())
    return duckdb.__version__, began, row[0] if metrics == "features" else row


def polars_sums(parquet, metrics, today):
    """The same with Polars."""
    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars as pl

    began = used()
    rows, hour = pl.scan_parquet(parquet), pl.col("hour")
    events, minutes, in_use = pl.col("events").sum(), pl.col("minutes").sum(), pl.col("events") > 0
    month, week, before = today - 24 * 30, today - 24 * 7, today - 24 * 60
    within = lambda start, end: (hour >= start) & (hour < end)
    users = lambda start: pl.col("visitor").filter(within(start, today) & in_use).n_unique()
    sums = lambda start, end: pl.col("events").filter(within(start, end)).sum()
    last = pl.col("last_ms").max()
    if metrics == "accounts":
        grouped = rows.filter(pl.col("account") != "").group_by("account").agg(
            week=users(week), month=users(month), events=sums(month, today), both=sums(before, today),
            minutes=minutes, days=(hour.filter(in_use) // 24).n_unique(), last=last,
        )
    elif metrics == "features":
        by = rows.filter(pl.col("account") != "").group_by("account", "object").agg(events=events)
        grouped = by.group_by("object").agg(events=pl.col("events").sum()).sort("object").select("events")
        return pl.__version__, began, grouped.collect(engine="streaming")["events"].to_list()
    else:
        by = rows.filter(pl.col("contact") != "").group_by("contact", "account")
        grouped = by.agg(events=events, minutes=minutes, last=last)
    whole = grouped.select(
        *[pl.col(name).sum() for name in grouped.collect_schema().names() if name not in ("account", "contact", "last")],
        pl.col("last").max(),
    )
    return pl.__version__, began, [int(number) for number in whole.collect(engine="streaming").row(0)]


if sys.argv[1] == "calculate":
    engine, parquet, metrics, today = sys.argv[2:]
    sums = duckdb_sums if engine == "DuckDB" else polars_sums
    version, began, found = sums(parquet, metrics, int(today))
    took = {"cpu_seconds": used() - began, "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    print(json.dumps({"engine": engine, "version": version, "metrics": metrics, "sums": found, **took}))
else:
    rows, copies, days, end = sys.argv[1], *map(int, sys.argv[2:])
    parquet, took = made(rows, copies, days, end), []
    for metrics in ("accounts", "features", "contacts"):
        for engine in ("DuckDB", "Polars"):
            asked = [sys.executable, __file__, "calculate", engine, parquet, metrics, str(end // 24 * 24)]
            took.append(json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout))
    os.remove(parquet)
    print(json.dumps(took))
