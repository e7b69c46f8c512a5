"""What a refusal costs: processor time of a function's own process, mean of twenty, for requests that it refuses by themselves.

    refusals.py FOLDER

FOLDER holds the binaries as target/lambda does: `authenticate/bootstrap`, `mapping-config/bootstrap`. Plays Lambda's runtime API; there is
no table behind it. Linux counts hundredths of a second, so a mean is right to half a millisecond.
"""

import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TIMES = 20
KB, MB = 1024, 1024 * 1024
LARGEST = 6 * MB - 8 * KB  # what Lambda hands over, without the event around it
events, answers = queue.Queue(), queue.Queue()


class Runtime(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        trace = {"lambda_runtime_aws_request_id": "r", "lambda_runtime_deadline_ms": "9999999999999", "lambda_runtime_trace_id": "Root=1-0-0"}
        self.answer(200, events.get(), lambda_runtime_invoked_function_arn="arn:aws:lambda:us-east-1:0:function:f", **trace)

    def do_POST(self):
        answers.put(self.rfile.read(int(self.headers["content-length"])) if "content-length" in self.headers else self.chunks())
        self.answer(202, b"")

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


def event(method, path, body, content_type, level="high", is_base64=False):
    path, _, query = path.partition("?")
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""}
    context = {"accountId": "0", "apiId": "a", "domainName": "d", "domainPrefix": "d", "requestId": "r", "routeKey": "$default"}
    claims = {"workspace": "local", "access_level": level}
    context |= {"authorizer": {"jwt": {"claims": claims, "scopes": None}}, "http": http, "stage": "$default", "time": "", "timeEpoch": 0}
    asked = {"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": {"content-type": content_type}}
    return json.dumps(asked | {"requestContext": context, "body": body, "isBase64Encoded": is_base64}).encode()


def texts(most):
    """Bodies of at most so many bytes, and some above."""
    full = lambda start, piece, end: start + piece * ((most - len(start) - len(end)) // len(piece)) + end
    yield "a byte over the limit", "x" * (most + 1)
    yield "as large as Lambda hands over", "x" * LARGEST
    yield "cut at its end", full('{"name":"', "x", "")
    yield "lists in each other", "[" * most
    yield "closed objects in each other", '{"a":' * (most // 7) + "1" + "}" * (most // 7)
    yield "members that nobody knows", "{" + ",".join(f'"m{number}":1' for number in range(most // 14)) + "}"
    yield "one member again and again", full('{"name":1', ',"name":1', "}")
    yield "a number of very many digits", full('{"name":', "9", "}")
    yield "a name of escapes", full('{"name":"', "\\u0000", '"}')
    yield "spaces, then a member that nobody knows", full("{", " ", '"last":1}')
    ids = ",".join(f'"i{number}"' for number in range(most // 10))
    yield "very many ids", '{"name":"n","object":"account","function":"count","window":{"all_time":true},"usage":{"kind":"feature","ids":[' + ids + "]}}"


def requests():
    for method, path, most in (("POST", "/v1/connection", 64 * KB), ("POST", "/v1/fields", 64 * KB), ("PUT", "/v1/matching", 64 * KB), ("PUT", "/v1/configuration", MB)):
        for what, text in texts(most):
            yield method, path, what, event(method, path, text, "application/json"), len(text)
        yield method, path, "no UTF-8, in base64", event(method, path, "/" * most, "application/json", is_base64=True), most
        yield method, path, "by the level low", event(method, path, "x" * LARGEST, "application/json", level="low"), LARGEST
    path, most = "/v1/directory/accounts", 4 * MB
    for what, kind, text in (
        ("a byte over the limit", "text/csv", "x" * (most + 1)),
        ("names of columns", "text/csv", "id" + ",c" * (most // 2 - 2)),
        ("a quote that never ends", "text/csv", 'id\n"' + "x" * (most - 4)),
        ("rows, more than may be", "text/csv", "id\n" + "a\n" * (most // 2 - 2)),
        ("lines, more than may be", "application/x-ndjson", '{"id":"a"}\n' * (most // 11)),
        ("lists in each other", "application/x-ndjson", "[" * most),
    ):
        yield "PUT", path, what, event("PUT", path, text, kind), len(text)
    path = "/v1/values?" + "&".join(["id=a"] * (2 * KB))
    yield "GET", path, "one name again and again in the query", event("GET", path, None, "text/plain"), 0


def used(process):
    return sum(int(ticks) for ticks in pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]) * 10


def main(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a"}
    settings |= {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_LAMBDA_FUNCTION_NAME": "f", "RUST_LOG": "error"}
    settings |= {"AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s"}
    settings |= {"TABLE_NAME": "t", "QUEUE_URL": "http://127.0.0.1:9/q", "EVENT_BUS": "b", "SECRET_PREFIX": "p/", "WORKSPACE_CLAIM": "workspace", "ACCESS_LEVEL_CLAIM": "access_level"}
    print("| request | what | KB | answer | CPU ms |\n| --- | --- | --- | --- | --- |")
    dearest = 0
    for name in ("authenticate", "mapping-config"):
        # Whoever still waits for an event of the function before waits for ever.
        globals().update(events=queue.Queue(), answers=queue.Queue())
        process = subprocess.Popen([f"{folder}/{name}/bootstrap"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for method, path, what, asked, size in requests():
            if ("/connection" in path) != (name == "authenticate"):
                continue
            for turn in range(TIMES + 1):
                before = used(process) if turn == 1 else (before if turn else 0)
                events.put(asked)
                status = json.loads(answers.get(timeout=120)).get("statusCode", 0)
            spent = (used(process) - before) / TIMES
            dearest = max(dearest, spent if 400 <= status < 500 else 0)
            print(f"| `{method} {path.split('?')[0]}` | {what} | {size // KB} | {status} | {spent:.1f} |", flush=True)
        process.kill()
        process.wait()
    print(f"\nThe dearest refusal took {dearest:.1f} ms.")
    os._exit(0)


main(*sys.argv[1:])
