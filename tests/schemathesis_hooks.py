"""What schemathesis cannot know of Patron by its OpenAPI document: how rules and
templates are written, how the vendor signs, and which refusals no schema can tell of.

The test `api::schemathesis` runs it; see there for the environment.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import time

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

# --- Texts of which a schema says no more than the name of their form.

FIELDS = {
    "name": '"Ada"',
    "city": "Rome",
    "tags": None,
    "unsubscribed": None,
    "total_spend": "100000",
    "order_count": "3",
    "visits": "2",
    "days_since_last_order": "90",
    "last_order_at": "2026-01-01",
    "attributes.size": '"39"',
    "events.visit.count": "1",
}


@st.composite
def rules(draw, depth=3):
    """Any rules that are short."""
    forms = ["condition", "condition", "and", "or", "not"] if depth else ["condition"]
    form = draw(st.sampled_from(forms))
    if form == "not":
        return f"NOT ({draw(rules(depth - 1))})"
    if form != "condition":
        return f"({draw(rules(depth - 1))} {form.upper()} {draw(rules(depth - 1))})"
    field = draw(st.sampled_from(sorted(FIELDS)))
    value = FIELDS[field]
    operators = ["null", "notNull"]
    if value is not None:
        operators += [f"{operator} {value}" for operator in ("=", "!=", "<", ">=")]
        operators += [f"between {value} AND {value}", f"in ({value}, {value})"]
    return f"{field} {draw(st.sampled_from(operators))}"


TEMPLATES = [
    "Hi {{ name | default('there') }}, we miss you!",
    "{% if order_count > 1 %}Again{% else %}First{% endif %}: {{ total_spend | money }}",
    "{% for tag in tags %}{{ tag }} {% endfor %}",
    "{{ attributes.size }}",
]

PROMPTS = [
    "never ordered",
    "spent more than $100 and ordered at least twice",
    "haven't bought in 3 months",
]

PHONES = ["+442079460958", "+12025550123", "+49 30 123456", "tel:+44-20-7946-0958"]
ADDRESSES = ["ada@example.com", "Ada@EXAMPLE.com", "+442079460958", "+1 (202) 555-0123"]

# Made of what the log has: who asks for what is not there yet waits for it.
POSITIONS = os.environ.get("PATRON_POSITIONS", "0:0").split(",")

# Which characters are printable no pattern says.
plain_ids = st.from_regex(r"[A-Za-z0-9._:@+-]{1,40}", fullmatch=True).filter(
    # They stand for a missing value.
    lambda text: text.lower() not in ("-", "none", "null", "nan", "undefined")
)
other_ids = st.sampled_from(["#1001", "A/17", "Order 5", "Bestellung Ü-1"])

schemathesis.openapi.format("rules", rules())
schemathesis.openapi.format("shop-id", plain_ids | other_ids)
plain = st.text("Hi, Ada!\n", max_size=40).map("Hi{}".format)
schemathesis.openapi.format("template", st.sampled_from(TEMPLATES) | plain)
several = st.lists(st.sampled_from(POSITIONS), min_size=1, max_size=4)
schemathesis.openapi.format("prompt", st.sampled_from(PROMPTS))
schemathesis.openapi.format("phone", st.sampled_from(PHONES))
schemathesis.openapi.format("address", st.sampled_from(ADDRESSES))
schemathesis.openapi.format("time-zone", st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"]))
schemathesis.openapi.format("encoding", st.sampled_from(["utf-8", "windows-1252", "latin1"]))
schemathesis.openapi.format("positions", several.map(" , ".join))


# --- What some bodies are narrowed to.

REF = "#/components/schemas/"

# The schema of rules is large, and all operations read them with the same code: the one
# that creates segments meets all that comes of it, these get rules as a text.
WITH_TEXTS = {
    "PUT /api/segments/{id}",
    "POST /api/segments/preview",
    "POST /api/campaigns",
    "PATCH /api/campaigns/{id}",
    "POST /api/campaigns/preview",
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    def narrowed(name):
        schema = json.dumps(schemas[name]).replace(f'"{REF}Rules"', f'"{REF}RulesText"')
        return json.loads(schema.replace(f'"{REF}SegmentId"', f'"{REF}SegmentThere"'))

    schemas = raw_schema["components"]["schemas"]
    schemas["SegmentThere"] = {"type": "string", "enum": os.environ["PATRON_SEGMENTS"].split(",")}
    schemas["SegmentUpdate"] = narrowed("SegmentIn")
    for name in ("PreviewIn", "CampaignIn", "CampaignChanges", "CampaignPreviewIn"):
        schemas[name] = narrowed(name)
    update = raw_schema["paths"]["/api/segments/{id}"]["put"]["requestBody"]
    update["content"]["application/json"]["schema"] = {"$ref": f"{REF}SegmentUpdate"}


def has_other_rules(case):
    """Rules of another operation's answer, which are right though they are no text."""
    body = case.body if isinstance(case.body, dict) else {}
    return case.operation.label in WITH_TEXTS and isinstance(body.get("rules"), dict)


# --- Headers: receipts are signed as Standard Webhooks has it.

SECRET = base64.b64decode(os.environ.get("PATRON_VENDOR_SECRET", "").removeprefix("whsec_"))


class Signature(requests.auth.AuthBase):
    """Signs a request when its body is known."""

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        name, at = "rcpt_schemathesis", str(int(time.time()))
        signed = b".".join([name.encode(), at.encode(), body])
        digest = hmac.new(SECRET, signed, hashlib.sha256).digest()
        request.headers["webhook-id"] = name
        request.headers["webhook-timestamp"] = at
        request.headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
        return request


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER):
        return
    if case.operation.label == "POST /api/delivery/receipt":
        kwargs["auth"] = Signature()
    # The same key with other content is a conflict: each case has its own.
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key-{case.id}"


# --- Refusals that are right although the schema does not tell of them.

# Of requests that the schema allows, by what every one of their problems says.
REASONS = [
    # Lengths are counted in bytes; JSON Schema counts characters.
    r"ha(s|ve) at most \d+ bytes|must have at most \d+ bytes|has 1 to \d+ bytes",
    # The name of an activity after it is folded.
    r"must have at most \d+ characters",
    # A whole number is to be written as one; JSON Schema takes 5.0 for 5.
    r"floating point `-?\d+\.0`, expected|a number as an id is an integer .*, not \d+\.0",
    # Which characters are printable, and what programs write in place of an id.
    r"an id is printable text|that a spreadsheet shortened|stands for a missing value",
    # Values of one field that do not go together.
    r"takes a lower value, then an upper value of the same type",
    r"more than the order's amount",
    # All nodes of rules together.
    r"rules have more than \d+ nodes|nested more than \d+ deep",
    # Fields that do not go together.
    r"a campaign is launched at once or scheduled, not both|it needs unsubscribed beside it",
    # What is recorded of the customer's consent.
    r"only a later consent lifts that",
    # The days of a report: their order and number, which may depend on today.
    r"lies after until|a report has at most 366 days|since and days exclude each other",
    # A customer who is merged, or whose order moves, and the other one.
    r"cannot be merged into themselves|the order is this customer's already",
    # The clock.
    r"lies in the (past|future)|cannot expire before it is created|ahead of the server's time",
    # What is there: a segment, and how many attributes a customer has by now.
    r"there is no such segment|the segment is archived",
    r"at most 64 attributes",
    # Blanks alone.
    r"must not be empty",
    # What only the server gives out: a link for signing in, a cursor of the same list.
    r"the link is not the one that was printed",
    r"the cursor was not returned by a page of this list",
    # How many partitions there are differs from log to log.
    r"the log has \d+ partitions, not",
]


# What is deleted is archived or revoked, and shown on.
SHOWN_ON = ("GET /api/segments/{id}", "GET /api/keys/{key_id}")


def is_for_a_reason(response):
    problem = response.json()
    # What people say is understood or not.
    if problem["type"] == "urn:patron:problem:not-understood":
        return True
    details = [error["detail"] for error in problem.get("errors", [])] or [problem["detail"]]
    return all(any(re.search(reason, detail) for reason in REASONS) for detail in details)


def is_refused_in_its_own_result(response):
    """Of many items the bad ones are refused one by one, and the others taken."""
    answer = response.json()
    return answer.get("rejected", 0) > 0


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure is one."""
    match failure.code, response.status_code:
        case "ST202", 400 | 422:
            return not is_for_a_reason(response)
        case "ST201", 202:
            return not is_refused_in_its_own_result(response)
        # Segment's protocol ignores what it does not know, and refuses calls one by one.
        case "ST201", 200 if case.operation.label.startswith("POST /v1/"):
            return False
        case "ST201", 200 | 201:
            return not has_other_rules(case)
        case "ST301", 200:
            return not case.operation.label.startswith(SHOWN_ON)
        case _:
            return True
