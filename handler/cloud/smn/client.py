"""Client of SMN; each call is signed and sent once.

Source: support.huaweicloud.com/api-smn, "Publishing a message" and "Querying topic details"; the
limits are those of the request body there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.cloud.signing import SignedCall, sign
from handler.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.cloud.credentials import Credentials
    from handler.cloud.http_transport import Answer, Transport
    from handler.runtime.deadline import Deadline
    from handler.values.notify_address import Topic

SUBJECT_BYTES = 512
"""The largest subject, in bytes of UTF-8."""

MESSAGE_BYTES = 256 * 1024
"""The largest message, in bytes of UTF-8."""

_ANSWER_BYTES = 65_536
_CODE = re.compile(r"(?:SMN|APIGW)\.[0-9]{1,8}")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True)
class Smn:
    """One topic of SMN, with the credentials of one invocation.

    The clock is aware UTC. Each call raises CredentialsError without keys, NotSentError if it was
    not sent, NoAnswerError if it may have been executed, and ApiError for an error status.
    """

    endpoint: str
    topic: Topic
    credentials: Credentials
    transport: Transport
    clock: Callable[[], datetime]
    deadline: Deadline

    def publish(self, subject: str, message: str) -> str:
        """Publish a message, as the subject of an email and its text; return its id.

        The id is "" if the answer has no usable one: any answer of success has stored the message.
        """
        body = json.dumps({"subject": subject, "message": message}, ensure_ascii=False)
        return _text(self._call("POST", "/publish", body.encode()), "message_id", _ID)

    def check_topic(self) -> None:
        """Read the topic: it exists, and these keys may see it."""
        self._call("GET", "")

    def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        topic = f"/v2/{self.topic.project}/notifications/topics/{self.topic.urn}"
        headers = {"X-Project-Id": self.topic.project}
        call = SignedCall(method, self.endpoint, f"{topic}{path}", (), headers, body)
        request = sign(call, self.credentials, self.clock())
        answer = self.transport.send(request, max_bytes=_ANSWER_BYTES, deadline=self.deadline)
        if answer.is_success:
            return answer
        code = _text(answer, "error_code", _CODE) or _text(answer, "code", _CODE)
        raise ApiError(
            " ".join(filter(None, [f"SMN answered {answer.status}", code])),
            status=answer.status,
            code=code,
            retry_after=answer.retry_after,
        )


def _text(answer: Answer, name: str, pattern: re.Pattern[str]) -> str:
    """Return a field of an answer if it has the pattern, else ""."""
    try:
        value = json.loads(answer.body)[name]
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        return ""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""
