"""Hostile events of object storage: classic ones in both shapes, and those of EventGrid."""

from __future__ import annotations

from tests.hostile.event_case import BUCKET, EventCase, cloud_event, entry, nested, records

MANY = 19_900

RECORDS = (
    EventCase(
        "no list", "Records is an object with numbers for keys", lambda: {"Records": {"0": {}}}
    ),
    EventCase("no entries", "an event without entries looks handled", records),
    EventCase("null list", "null where a list is iterated", lambda: {"Records": None}),
    EventCase("text for a list", "a text is iterated by character", lambda: {"Records": "abc"}),
    EventCase("null entry", "null where fields are looked up", lambda: records(None)),
    EventCase(
        "entries of every kind", "types that are no objects", lambda: records(1, "a", [], None)
    ),
    EventCase("empty entry", "an entry with nothing to tell it by", lambda: records({})),
    EventCase(
        "19,900 empty entries", "a commit and a line for each", lambda: records(*[{}] * MANY)
    ),
    EventCase("19,900 numbers", "the same, without objects", lambda: records(*range(MANY))),
    EventCase(
        "6,000 bad keys",
        "a record with a source for each",
        lambda: {"Records": [{"obs": {"bucket": 1}, "n": str(n)} for n in range(6000)]},
    ),
    EventCase(
        "1,800 removals",
        "good entries that ask for nothing, as many as fit",
        lambda: records(
            *(entry(key=f"drop%2F{n}.yaml", eventName="ObjectRemoved:Delete") for n in range(1500))
        ),
    ),
    EventCase(
        "an entry 500 times",
        "the same delivery again and again in one event",
        lambda: records(*[entry(bucket="foreign-bucket")] * 500),
    ),
    EventCase(
        "both shapes",
        "s3 names one object, obs another",
        lambda: records(
            {**entry("s3", key="drop%2Fa.yaml"), **entry("obs", key="drop%2Fb.yaml", bucket="c")}
        ),
        "raised",
    ),
    EventCase(
        "s3 is null",
        "the chosen shape holds nothing",
        lambda: records({**entry(), "s3": None}),
        "raised",
    ),
    EventCase(
        "obs is a list", "a list where an object is", lambda: records({**entry(), "obs": []})
    ),
    EventCase(
        "Records and a timer's field",
        "which trigger it is depends on who looks first",
        lambda: {**records(None), "trigger_type": "OBS"},
    ),
    EventCase(
        "Records and a spec",
        "an order is smuggled beside a notification",
        lambda: {**records(None), "kind": "node_upgrade", "name": "x"},
    ),
    EventCase(
        "Records and an action",
        "an action is smuggled beside a notification",
        lambda: {**records(None), "action": "reconcile"},
    ),
    EventCase("deep entry", "recursion in hashing the entry", lambda: records(nested(25, 1))),
    EventCase("no bucket", "a field that is missing", lambda: records({"obs": {"object": {}}})),
    EventCase(
        "bucket is a text",
        "a text where an object is",
        lambda: records(
            {"eventName": "ObjectCreated:Put", "obs": {"bucket": BUCKET, "object": {"key": "k"}}}
        ),
    ),
    EventCase(
        "bucket of 200 KB",
        "a name as long as the event",
        lambda: records(entry(bucket="b" * 200_000)),
    ),
    EventCase(
        "bucket with a path",
        "another host or path is asked",
        lambda: records(entry(bucket="../other-bucket")),
    ),
    EventCase(
        "bucket with a host",
        "the signed request goes elsewhere",
        lambda: records(entry(bucket="evil.example/x?")),
    ),
    EventCase(
        "foreign bucket",
        "a bucket that is not ours is read",
        lambda: records(entry(bucket="someone-elses")),
    ),
    EventCase(
        "bucket in capitals",
        "the list of buckets is compared by case",
        lambda: records(entry(bucket=BUCKET.upper())),
    ),
    EventCase(
        "bucket with a NUL",
        "the name ends early in C",
        lambda: records(entry(bucket=f"{BUCKET}\0")),
    ),
    EventCase(
        "bucket in Cyrillic",
        "a name that looks like ours",
        lambda: records(entry(bucket="nightdr\u043e\u0440-drop")),
    ),
    EventCase(
        "no request id and no tag",
        "nothing tells two uploads apart",
        lambda: records(
            {
                "eventName": "ObjectCreated:Put",
                "obs": {"bucket": {"name": BUCKET}, "object": {"key": "drop%2Fa.yaml"}},
            }
        ),
    ),
    EventCase(
        "request ids as objects",
        "types of what is only recorded",
        lambda: records(
            entry(responseElements={"x-obs-request-id": {"a": 1}}, eventTime=[], size=-1)
        ),
        "raised",
    ),
    EventCase(
        "request id of 200 KB",
        "a record as long as the event",
        lambda: records(entry(responseElements={"x-obs-request-id": "r" * 200_000})),
        "raised",
    ),
    EventCase(
        "size beyond 2^53",
        "an integer without a canonical form",
        lambda: records(entry(size=2**70)),
        "raised",
    ),
    EventCase(
        "size as a float",
        "a float without a canonical form",
        lambda: records(entry(size=1e308)),
        "raised",
    ),
    EventCase(
        "time in the year 1",
        "times before there are offsets",
        lambda: records(entry(eventTime="0001-01-01T00:00:00+14:00")),
        "raised",
    ),
    EventCase(
        "time in the year 9999",
        "times after there are offsets",
        lambda: records(entry(eventTime="9999-12-31T23:59:59-14:00")),
        "raised",
    ),
    EventCase(
        "time of 30 February",
        "days that are none",
        lambda: records(entry(eventTime="2026-02-30T25:61:61Z")),
        "raised",
    ),
    EventCase(
        "address with markup",
        "an address that is shown as it is",
        lambda: records(entry(requestParameters={"sourceIPAddress": "[/bold]\x1b[2J<script>"})),
        "raised",
    ),
    EventCase(
        "account of two lines",
        "a line is forged in log and table",
        lambda: records(entry(userIdentity={"ID": '1\n{"action":"attention.needed"}'})),
        "raised",
    ),
)

EVENTGRID = (
    EventCase(
        "data is a list", "several messages in one event", lambda: cloud_event(data=[entry()])
    ),
    EventCase("data is a text", "a transformed event", lambda: cloud_event(data='{"obs": {}}')),
    EventCase("data is null", "an event without data", lambda: cloud_event(data=None)),
    EventCase("data without obs", "another source's data", lambda: cloud_event(data={"a": 1})),
    EventCase("obs is null", "the message is missing", lambda: cloud_event(data={"obs": None})),
    EventCase("obs is true", "a type that is no object", lambda: cloud_event(data={"obs": True})),
    EventCase("s3 in the data", "the other shape inside", lambda: cloud_event(data=entry("s3"))),
    EventCase(
        "another source",
        "anybody may publish an event",
        lambda: cloud_event(source="HC.CTS", type="t", data={"trace": {}}),
    ),
    EventCase("source as a number", "an attribute that is not text", lambda: cloud_event(source=1)),
    EventCase("no specversion", "half a CloudEvent", lambda: {"source": "HC.OBS", "data": entry()}),
    EventCase("id of 200 KB", "a record as long", lambda: cloud_event(id="i" * 200_000), "raised"),
    EventCase(
        "time of 1,000 digits",
        "a fraction without end",
        lambda: cloud_event(time="2026-11-25T12:00:00." + "9" * 1000 + "Z"),
        "raised",
    ),
    EventCase(
        "foreign bucket in EventGrid",
        "a bucket that is not ours",
        lambda: cloud_event(data=entry(bucket="someone-elses")),
    ),
    EventCase(
        "raw key where keys are encoded",
        "a percent sign that is none",
        lambda: cloud_event(data=entry(key="drop/100%zz.yaml")),
        "raised",
    ),
    EventCase(
        "CloudEvent and Records", "both shapes at once", lambda: {**cloud_event(), **records({})}
    ),
)
