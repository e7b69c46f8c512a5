"""The story of one workspace, told from outside to a deployed stack: sign in, connect, match, map, sync, read, lose the key,
redrive, disconnect. Speaks HTTP to the API and to Pendo's simulator, and AWS's own calls for what an operator does.

    story.py STACK API_PREFIX SIMULATOR_URL EXAMPLES

API_PREFIX is put before the API's id (an emulator serves all APIs at one address). Ends with status 1 at the first thing that
is not as it should be.
"""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3

STACK, API_PREFIX, SIMULATOR, EXAMPLES = sys.argv[1:5]
KEY = "simulator-key.us"
PASSWORD = "Corr3ct-horse-battery"
WAIT_SECONDS = 240

stack = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
OUTPUTS = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
API = API_PREFIX + OUTPUTS["ApiUrl"].split("//")[1].split(".")[0]
sqs = boto3.client("sqs")


def check(what, holds, seen):
    if not holds:
        sys.exit(f"not so: {what}; seen: {seen}")
    print(f"  {what}", flush=True)


def wait_until(what, look):
    """Looks until what it returns is true, and returns it."""
    end = time.monotonic() + WAIT_SECONDS
    seen = look()
    while not seen:
        if time.monotonic() > end:
            sys.exit(f"not so after {WAIT_SECONDS} s: {what}; the status is {get('/v1/status')}")
        time.sleep(1)
        seen = look()
    print(f"  {what}", flush=True)
    return seen


def token(level):
    """The ID token of a new user of the stack's own pool."""
    pool, client = OUTPUTS["UserPoolId"], OUTPUTS["UserPoolClientId"]
    cognito = boto3.client("cognito-idp")
    claims = [{"Name": "custom:workspace", "Value": "acme"}, {"Name": "custom:access_level", "Value": level}]
    cognito.admin_create_user(UserPoolId=pool, Username=level, MessageAction="SUPPRESS", UserAttributes=claims)
    cognito.admin_set_user_password(UserPoolId=pool, Username=level, Password=PASSWORD, Permanent=True)
    signed_in = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": level, "PASSWORD": PASSWORD},
    )
    return signed_in["AuthenticationResult"]["IdToken"]


def call(method, url, body=None, bearer=None, content_type="application/json"):
    """Status and body, parsed where it is JSON."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"content-type": content_type, "x-pendo-integration-key": KEY}
    if bearer:
        headers = {"content-type": content_type, "authorization": f"Bearer {bearer}"}
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except json.JSONDecodeError:
        return status, text


def api(method, path, body=None, content_type="application/json"):
    return call(method, API + path, body, HIGH, content_type)


def get(path):
    return api("GET", path)[1]


def expect(wanted, method, path, body=None, content_type="application/json"):
    status, answer = api(method, path, body, content_type)
    check(f"{method} {path} answers {wanted}", status == wanted, (status, answer))
    return answer


def pendo_events(days):
    """Events of identified visitors by Pendo account in the last complete days, as Pendo itself counts them."""
    midnight = int(time.time()) // 86_400 * 86_400_000
    pipeline = [
        {
            "source": {
                "events": {"appId": 'expandAppIds("*")'},
                "timeSeries": {"period": "hourRange", "first": midnight - days * 86_400_000, "count": days * 24},
            }
        },
        {"identified": "visitorId"},
        {"group": {"group": ["accountId"], "fields": [{"events": {"sum": "numEvents"}}]}},
    ]
    erased = {row["visitorId"] for row in aggregate([{"source": {"doNotProcessVisitors": None}}])}
    if erased:
        pipeline.insert(2, {"filter": " && ".join(f"visitorId != {json.dumps(visitor)}" for visitor in sorted(erased))})
    return {row["accountId"]: row["events"] for row in aggregate(pipeline) if row.get("accountId")}


def aggregate(pipeline):
    body = {"response": {"mimeType": "application/json"}, "request": {"pipeline": pipeline}}
    status, answer = call("POST", SIMULATOR + "/api/v1/aggregation", body)
    if status != 200:
        sys.exit(f"the simulator refuses {pipeline}: {answer}")
    return answer["results"] or []


def depth(queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=OUTPUTS[queue], AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def example(name):
    with open(f"{EXAMPLES}/{name}", "rb") as file:
        return file.read()


# The emulator keeps a number that comes from a parameter as text, and then polls no queue.
mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
for mapping in mappings:
    limit = int(mapping["ScalingConfig"]["MaximumConcurrency"])
    boto3.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": limit})

print("Getting in")
status, _ = call("GET", API + "/v1/status", bearer="no.token.atall")
check("a token that is none gets no further than the gateway", status == 401, status)
HIGH, STANDARD = token("high"), token("standard")
status, _ = call("POST", API + "/v1/connection", {"region": "us", "integration_key": KEY}, STANDARD)
check("level standard may not connect", status == 403, status)
status, answer = call("GET", API + "/v1/status", bearer=STANDARD)
check("level standard may read the status", (status, answer.get("status")) == (200, "inactive"), (status, answer))

print("Configuring")
expect(201, "POST", "/v1/connection", {"region": "us", "integration_key": KEY})
for name in ("accounts", "contacts"):
    answer = expect(200, "PUT", f"/v1/directory/{name}", example(f"{name}.csv"), "text/csv")
    check(f"every row of {name}.csv is taken", not answer["errors"], answer)
expect(200, "PUT", "/v1/matching", json.loads(example("matching.json")))
fields = json.loads(example("fields.json"))
fields.append(
    {
        "name": "Events 7d",
        "object": "account",
        "usage": {"kind": "event"},
        "function": "count",
        "window": {"rolling_days": 7, "complete_days": True},
    }
)
for field in fields:
    expect(201, "POST", "/v1/fields", field)

print("Syncing")
wait_until("history is read, through the real queue", lambda: get("/v1/status")["is_complete"])
first = get("/v1/status")["last_run"]["started_at"]
wait_until("the schedule starts a run of its own", lambda: get("/v1/status")["last_run"]["started_at"] > first)
items, cursor = [], ""
while cursor is not None:
    page = get("/v1/values?object=account&field=Events%207d" + (f"&cursor={cursor}" if cursor else ""))
    items, cursor = items + page["items"], page["next"]
values = {item["id"]: item["value"] for item in items if item["reason"] is None}
wanted = {account: events for account, events in pendo_events(7).items() if account in values}
check("there are values", len(values) > 10, items)
check("each account's events are Pendo's own", values == {a: wanted.get(a, 0) for a in values}, (values, wanted))
status, _ = call("GET", API + "/v1/values?object=account&id=A-001", bearer=STANDARD)
check("level standard reads values", status == 200, status)

print("Losing the key behind the stack's back")
secrets = boto3.client("secretsmanager")
ours = [s["Name"] for s in secrets.list_secrets()["SecretList"] if s["Name"].startswith(OUTPUTS["SecretPrefix"])]
check("one connection has one secret", len(ours) == 1, ours)
key = next(p["ParameterValue"] for p in stack["Parameters"] if p["ParameterKey"] == "KmsKeyArn")
used = secrets.describe_secret(SecretId=ours[0]).get("KmsKeyId")
check("it is encrypted with the key of the stack's owner", key and used == key, used)
# A failed job comes again after sixteen minutes, three times; here after two seconds.
sqs.set_queue_attributes(QueueUrl=OUTPUTS["QueueUrl"], Attributes={"VisibilityTimeout": "2"})
secrets.delete_secret(SecretId=ours[0], ForceDeleteWithoutRecovery=True)
expect(202, "POST", "/v1/sync", {})
wait_until("jobs that can't be done end among the dead letters", lambda: depth("DeadLettersUrl") > 0)
expect(200, "POST", "/v1/connection", {"region": "us", "integration_key": KEY})
# What StartMessageMoveTask does, which the emulator has not.
while dead := sqs.receive_message(QueueUrl=OUTPUTS["DeadLettersUrl"], MaxNumberOfMessages=10).get("Messages"):
    for message in dead:
        sqs.send_message(QueueUrl=OUTPUTS["QueueUrl"], MessageBody=message["Body"], MessageGroupId="acme")
        sqs.delete_message(QueueUrl=OUTPUTS["DeadLettersUrl"], ReceiptHandle=message["ReceiptHandle"])
wait_until("redriven, they are done", lambda: depth("DeadLettersUrl") == 0 and depth("QueueUrl") == 0)
check("and the status is well", get("/v1/status")["status"] == "active", get("/v1/status"))

print("Disconnecting")
expect(202, "DELETE", "/v1/connection?data=purge")
wait_until("nothing of the connection is left", lambda: get("/v1/connection")["status"] == "inactive")


def is_clean():
    """What stays for a day says that all is to be looked at once more, and holds no data."""
    items = boto3.client("dynamodb").scan(TableName=OUTPUTS["TableName"], ConsistentRead=True)["Items"]
    return all(item["sk"]["S"] == "purges" for item in items)


wait_until("no item of it is left in the table", is_clean)
ours = [s["Name"] for s in secrets.list_secrets()["SecretList"] if s["Name"].startswith(OUTPUTS["SecretPrefix"])]
check("no secret is left", ours == [], ours)
check("no tick was lost", depth("LostTicksUrl") == 0, depth("LostTicksUrl"))
print("The story holds.")
