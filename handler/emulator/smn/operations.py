"""The operations of Simple Message Notification: publish to a topic, and read it.

Paths, fields and limits as on the API pages; a comment marks what they leave open.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from handler.emulator.http.messages import RefusedError, json_response
from handler.emulator.ief import signature
from handler.emulator.operation import Operation
from handler.emulator.state.changes import MessagePublished

if TYPE_CHECKING:
    from handler.emulator.http.messages import Request, Response
    from handler.emulator.operation import Deviations, EmulatorContext, Execute

_TOPIC = re.compile(r"/v2/(?P<project>[^/]+)/notifications/topics/(?P<topic>[^/]+)(?P<rest>/.*)?")
_OPERATIONS = {("POST", "/publish"): "PublishMessage", ("GET", ""): "ListTopicDetails"}
_SUBJECT_BYTES, _MESSAGE_BYTES = 512, 256 * 1024
# The pages list the codes without saying which error has which.
_BAD_FIELD, _NOT_FOUND, _NOT_NOW = "SMN.0001", "SMN.0007", "SMN.0002"
_BAD_SIGNATURE = "APIGW.0301"

NAMES = frozenset(_OPERATIONS.values())
"""The names of all operations."""


def topic_urn(project: str) -> str:
    """Return the URN of the topic that a project has."""
    return f"urn:smn:cn-north-4:{project}:nightdrop-notices"


def is_smn(path: str) -> bool:
    """Return whether a request's path is one of SMN."""
    return bool(_TOPIC.fullmatch(path))


def find(request: Request, context: EmulatorContext) -> Operation:
    """Return the operation that a request's method and path name; the path is one of SMN."""
    found = _TOPIC.fullmatch(request.path)
    rest = (found and found["rest"]) or ""
    name = _OPERATIONS.get((request.method, rest), "Unregistered")
    topic = unquote(found["topic"]) if found else ""
    return Operation(name, partial(_prepare, name, topic, request, context), failure)


def failure(status: int) -> Response:
    """Return an error answer of the gateway."""
    return _error(status, _NOT_NOW, "the service cannot answer now")


def _prepare(
    name: str, topic: str, request: Request, context: EmulatorContext, deviations: Deviations
) -> Execute:
    account = context.credential_issuer.account_of(signature.access_key(request))
    longest = deviations.signature_seconds or context.signature_seconds
    try:
        signature.check(request, account, context.clock(), longest)
    except RefusedError as error:
        raise _refused(401, _BAD_SIGNATURE, "the signature is not accepted") from error
    if topic != topic_urn(account.project_id):
        raise _refused(404, _NOT_FOUND, "the topic does not exist")
    if name == "ListTopicDetails":
        return partial(json_response, 200, {"topic_urn": topic, "request_id": request.request_id})
    if name != "PublishMessage":
        raise _refused(404, _NOT_FOUND, "the URL is not registered")
    return partial(_publish, topic, request, context, *_read_message(request))


def _read_message(request: Request) -> tuple[str, str]:
    """Return the subject and the message of a request that publishes one."""
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise _refused(400, _BAD_FIELD, "the body is not JSON") from error
    subject, message = (body.get(name, "") for name in ("subject", "message"))
    if not isinstance(subject, str) or len(subject.encode()) > _SUBJECT_BYTES or "\n" in subject:
        raise _refused(400, _BAD_FIELD, "subject is not one line of 512 bytes at most")
    if not isinstance(message, str) or not 1 <= len(message.encode()) <= _MESSAGE_BYTES:
        raise _refused(400, _BAD_FIELD, "message is not a text of 1 byte to 256 KB")
    return subject, message


def _publish(
    topic: str, request: Request, context: EmulatorContext, subject: str, message: str
) -> Response:
    message_id = context.state.new_id().replace("-", "")
    published = MessagePublished(message_id, topic, subject, message, context.clock())
    context.state.change(published)
    return json_response(200, {"message_id": message_id, "request_id": request.request_id})


def _refused(status: int, code: str, message: str) -> RefusedError:
    return RefusedError(_error(status, code, message))


def _error(status: int, code: str, message: str) -> Response:
    return json_response(status, {"error_code": code, "error_msg": message})
