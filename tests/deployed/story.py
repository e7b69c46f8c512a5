"""The story of one workspace, told from outside to a deployed stack: sign in, connect, change, match, map, sync, read, edit, alarm, lose the
key, redrive, disconnect. Speaks HTTP to the API and to Pendo's simulator, and AWS's own calls for what an operator does.

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


def call(method, url, body=None, bearer=None, content_type="application/json", **more):
    """Status and body, parsed where it is JSON. What is sent beside is named as Python can: if_match."""
    return told(method, url, body, bearer, content_type, **more)[:2]


def told(method, url, body=None, bearer=None, content_type="application/json", **more):
    """Status, body and headers."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {"content-type": content_type, "x-pendo-integration-key": KEY}
    if bearer:
        headers = {"content-type": content_type, "authorization": f"Bearer {bearer}"}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text, headers = answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        status, text, headers = error.code, error.read().decode(), error.headers
    try:
        return status, json.loads(text), headers
    except json.JSONDecodeError:
        return status, text, headers


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

print("What the roles may do")
ACCOUNT = stack["StackId"].split(":")[4]
REGION = stack["StackId"].split(":")[3]
iam = boto3.client("iam")
roles = {
    resource["LogicalResourceId"]: f"arn:aws:iam::{ACCOUNT}:role/{resource['PhysicalResourceId']}"
    for page in boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    for resource in page["StackResourceSummaries"]
    if resource["ResourceType"] == "AWS::IAM::Role"
}
table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{OUTPUTS['TableName']}"
secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{OUTPUTS['SecretPrefix']}0123456789abcdef-AbCdEf"
queue = sqs.get_queue_attributes(QueueUrl=OUTPUTS["QueueUrl"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
bus = OUTPUTS["EventBusArn"]
foreign = secret.replace(OUTPUTS["SecretPrefix"], "another/")
# The emulator lets a function do what its role grants and nothing else. It asks for an action of its own for ten messages in one call,
# which AWS has not: sqs:SendMessage is enough there.
batches = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": queue}
policy = json.dumps({"Version": "2012-10-17", "Statement": [batches]})
iam.put_role_policy(RoleName=roles["SyncRole"].split("/")[1], PolicyName="emulator", PolicyDocument=policy)
for role, action, on, may in (
    ("SyncRole", "dynamodb:UpdateItem", table, True),
    ("SyncRole", "dynamodb:Query", f"{table}/index/due", True),
    ("SyncRole", "dynamodb:UpdateItem", f"{table}-of-others", False),
    ("SyncRole", "dynamodb:Scan", table, False),
    ("SyncRole", "sqs:ReceiveMessage", queue, True),
    ("SyncRole", "events:PutEvents", bus, True),
    ("SyncRole", "events:PutEvents", f"{bus}-of-others", False),
    ("SyncRole", "secretsmanager:GetSecretValue", secret, True),
    ("SyncRole", "secretsmanager:CreateSecret", secret, False),
    ("AuthenticateRole", "secretsmanager:CreateSecret", secret, True),
    ("AuthenticateRole", "secretsmanager:GetSecretValue", foreign, False),
    ("AuthenticateRole", "sqs:ReceiveMessage", queue, False),
    ("AuthenticateRole", "events:PutEvents", bus, False),
    ("MappingConfigRole", "dynamodb:PutItem", table, True),
    ("MappingConfigRole", "dynamodb:Scan", table, False),
    ("MappingConfigRole", "events:PutEvents", bus, False),
    ("MappingConfigRole", "secretsmanager:PutSecretValue", secret, False),
):
    asked = {"PolicySourceArn": roles[role], "ActionNames": [action], "ResourceArns": [on]}
    (found,) = iam.simulate_principal_policy(**asked)["EvaluationResults"]
    is_allowed = found["EvalDecision"] == "allowed"
    check(f"{role} {'may' if may else 'may not'} {action} on {on.split(':', 5)[5]}", is_allowed == may, found)

# A job that lost a race for a head comes again, after sixteen minutes: here after one, longer than any takes.
boto3.client("sqs").set_queue_attributes(QueueUrl=OUTPUTS["QueueUrl"], Attributes={"VisibilityTimeout": "60"})
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


def connection(method, body=None, **more):
    """As `told`, of the connection."""
    return told(method, API + "/v1/connection", body, HIGH, **more)


read = connection("GET")[2]["etag"]
status, answer, _ = connection("PATCH", {"paused": True}, if_match=read)
check("what was read is changed under its ETag", (status, answer.get("status")) == (200, "paused"), (status, answer))
status, answer, _ = connection("PATCH", {"paused": False}, if_match=read)
check("the same ETag is stale then", (status, answer["type"]) == (412, "/problems/changed-since"), (status, answer))
status, answer, headers = connection("PATCH", {"paused": False}, if_match=connection("GET")[2]["etag"])
check("and what stands is changed under its own", (status, answer.get("status")) == (200, "active"), (status, answer))
line = expect(200, "GET", "/v1/audit?limit=1")["items"][0]
seen = (line["operation"], line["resource"], line["before"]["status"], line["after"]["status"], line["request_id"])
wanted = ("change", "connection", "paused", "active", headers["x-request-id"])
check("the trail tells of the last change, and of no refused one", seen == wanted and line["by"], line)
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
for field in fields[:-1]:
    expect(201, "POST", "/v1/fields", field)
once, again = (call("POST", API + "/v1/fields", fields[-1], HIGH, idempotency_key="the last field") for _ in range(2))
check("sent twice under one key, a field is created once", once[0] == 201 and once == again, (once, again))
check("and stands once", len(get("/v1/fields")["items"]) == len(fields), get("/v1/fields"))

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
explained = expect(200, "GET", "/v1/values/explain?object=account&id=A-001&field=Events%207d")
check("a value is explained by the days that add up to it", sum(d["events"] for d in explained["days"]) == explained["value"], explained)
expect(200, "GET", "/v1/usage?object=account&id=A-001&limit=5")
peers = expect(200, "GET", "/v1/values/peers?field=Events%207d&limit=1000")["items"]
standing = {peer["id"]: peer["percentile"] for peer in peers if peer["percentile"] is not None}
highest = max(values, key=values.get)
check("the account with most events is the highest of its peers", standing[highest] == max(standing.values()), peers)
events = expect(200, "GET", "/v1/matching/unmatched?days=7")["account"]["events"]
parts = [events[name] for name in ("matched", "unmatched", "ambiguous", "without_id", "excluded")]
check("no event is lost between matched and not", sum(parts) == events["total"] > 0, events)

print("Leaving somebody out")
shown = "/v1/values?object=account&id=A-001&field=Events%207d"
person = max(explained["items"], key=lambda person: person["events"])
answer = expect(200, "PUT", "/v1/exclusions", {"visitors": [person["visitor"]]})
check("a visitor is named, and is there", answer["report"]["visitors"] == 1, answer)
less = values["A-001"] - person["events"]
wait_until("its events count no more, also those of the past", lambda: get(shown)["items"][0]["value"] == less)
expect(200, "PUT", "/v1/exclusions", {})
wait_until("and count again once it is taken back", lambda: get(shown)["items"][0]["value"] == values["A-001"])
path = "/v1/values/history?object=account&id=A-001&field=Events%207d"
wait_until("the day before is told", lambda: get(path)["items"])
computed = expect(200, "GET", path + "&computed=true&limit=1")["items"]
check("and any day can be computed", len(computed) == 1 and computed[0]["value"] is not None, computed)

print("Changing a definition")
definition = dict(fields[-1], window={"rolling_days": 3, "complete_days": True})
tried = expect(200, "POST", "/v1/fields/preview", {"definition": dict(definition, name="Events 3d"), "objects": ["A-001"]})
path = "/v1/fields/" + once[1]["id"]
edited = expect(200, "PUT", path, definition)
check("it is another version", edited["version"] == 2, edited)
value = wait_until("and has values of its own", lambda: [i for i in get(shown)["items"] if i["reason"] is None])[0]["value"]
check("which are those that were tried", value == tried["items"][0]["value"], (value, tried))
versions = expect(200, "GET", path + "/versions")["items"]
check("both versions are listed", [version["version"] for version in versions] == [2, 1], versions)
formula = {"name": "Events a day", "object": "account", "formula": '"Events 7d" / 3'}
formula = expect(201, "POST", "/v1/fields", formula)
value = {item["field"]: item["value"] for item in get("/v1/values?object=account&id=A-001")["items"]}
check("a formula has its value at once", value["Events a day"] == value["Events 7d"] / 3, value)
expect(409, "DELETE", path)
exported = expect(200, "GET", "/v1/configuration")
check("the file names what is new", formula["name"] in [field["name"] for field in exported["fields"]], exported)
without = dict(exported, fields=[field for field in exported["fields"] if field["name"] != formula["name"]])
answer = expect(200, "PUT", "/v1/configuration?dry_run=true&prune=true", without)
check("a dry run tells what would go, and nothing goes", len(answer["fields"]["deleted"]) == 1, answer)
expect(200, "GET", "/v1/fields/" + formula["id"])
answer = expect(200, "PUT", "/v1/configuration?prune=true", without)
check("without it it goes", answer["status"] == "saved", answer)
expect(404, "GET", "/v1/fields/" + formula["id"])
status, _ = call("GET", API + "/v1/values?object=account&id=A-001", bearer=STANDARD)
check("level standard reads values", status == 200, status)

print("Hurting")
# The emulator takes no metrics out of a log, as CloudWatch does. So the line in the log is compared with what the alarms watch, and the
# datum is put by hand. It evaluates alarms without looking at dimensions or at how many periods there are.
cloudwatch, logs = boto3.client("cloudwatch"), boto3.client("logs")
sync = OUTPUTS["SyncFunctionName"]
said = {}
for page in logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{sync}"):
    for event in page["events"]:
        if '"_aws"' in event["message"]:
            line = json.loads(event["message"][event["message"].index("{") :])
            for told_of in line["_aws"]["CloudWatchMetrics"]:
                for metric in told_of["Metrics"]:
                    dimensions = [{name: line[name] for name in names} for names in told_of["Dimensions"]]
                    if isinstance(line[metric["Name"]], float):
                        said[told_of["Namespace"], metric["Name"]] = dimensions
found = [a for page in cloudwatch.get_paginator("describe_alarms").paginate() for a in page["MetricAlarms"]]
ours = [alarm for alarm in found if not alarm["Namespace"].startswith("AWS/")]
check("two alarms watch what runs say", len(ours) == 2, found)
topic = OUTPUTS["AlarmTopicArn"]
arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:heard"
may_send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
heard = sqs.create_queue(QueueName="heard", Attributes={"Policy": policy})["QueueUrl"]
boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
for alarm in ours:
    name, namespace, metric = alarm["AlarmName"], alarm["Namespace"], alarm["MetricName"]
    watched = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    check(f"a run's line in the log says {metric} as the alarm wants it", watched in said.get((namespace, metric), []), said)
    check("it tells the topic when it goes off and when it ends", alarm["AlarmActions"] == alarm["OKActions"] == [topic], alarm)
    datum = {"MetricName": metric, "Dimensions": alarm["Dimensions"], "Value": float(alarm["Threshold"]) + 1}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum] * 2)
    wait_until(
        "with a value beyond its threshold it goes off",
        lambda: cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] == "ALARM",
    )
    messages = sqs.receive_message(QueueUrl=heard, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
    told_of = [json.loads(json.loads(message["Body"])["Message"])["AlarmName"] for message in messages]
    check("and is told of once", told_of == [name], messages)
    for message in messages:
        sqs.delete_message(QueueUrl=heard, ReceiptHandle=message["ReceiptHandle"])
sqs.delete_queue(QueueUrl=heard)

print("Losing the key behind the stack's back")
secrets = boto3.client("secretsmanager")
ours = [s["Name"] for s in secrets.list_secrets()["SecretList"] if s["Name"].startswith(OUTPUTS["SecretPrefix"])]
check("one connection has one secret", len(ours) == 1, ours)
key = next(p["ParameterValue"] for p in stack["Parameters"] if p["ParameterKey"] == "KmsKeyArn")
used = secrets.describe_secret(SecretId=ours[0]).get("KmsKeyId")
check("it is encrypted with the key of the stack's owner", key and used == key, used)
# A failed job comes again after sixteen minutes, three times; here after two seconds.
sqs.set_queue_attributes(QueueUrl=OUTPUTS["QueueUrl"], Attributes={"VisibilityTimeout": "2"})
wait_until("no job is under way that would come again after sixteen", lambda: depth("QueueUrl") == 0)
secrets.delete_secret(SecretId=ours[0], ForceDeleteWithoutRecovery=True)
expect(202, "POST", "/v1/sync", {})
wait_until("jobs that can't be done end among the dead letters", lambda: depth("DeadLettersUrl") > 0)
expect(200, "POST", "/v1/connection", {"region": "us", "integration_key": KEY})
# What can be done takes longer than two seconds on a machine that is busy.
sqs.set_queue_attributes(QueueUrl=OUTPUTS["QueueUrl"], Attributes={"VisibilityTimeout": "60"})


def redrive():
    """What StartMessageMoveTask does, which the emulator has not; and whether everything is done."""
    dead = sqs.receive_message(QueueUrl=OUTPUTS["DeadLettersUrl"], MaxNumberOfMessages=10).get("Messages", [])
    for message in dead:
        sqs.send_message(QueueUrl=OUTPUTS["QueueUrl"], MessageBody=message["Body"], MessageGroupId="acme")
        sqs.delete_message(QueueUrl=OUTPUTS["DeadLettersUrl"], ReceiptHandle=message["ReceiptHandle"])
    return depth("DeadLettersUrl") == 0 and depth("QueueUrl") == 0


# A job that failed for the third time while the key came back dies after the others.
wait_until("redriven, they are done", redrive)
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
