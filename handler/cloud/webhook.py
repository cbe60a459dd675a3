"""Client of a webhook: one signed POST, no redirect followed.

Source of the headers and of the signature: the Standard Webhooks specification, version 1.0
(github.com/standard-webhooks), so that its libraries can check them.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.cloud.http_transport import Request
from handler.errors import ApiError
from handler.values.canonical_json import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from handler.cloud.http_transport import Transport
    from handler.runtime.deadline import Deadline

_ANSWER_BYTES = 65_536


@dataclass(frozen=True)
class Webhook:
    """A webhook; the clock is aware UTC.

    Neither URL nor key is ever printed: the path of a URL is a secret at many services.
    """

    url: str = field(repr=False)
    key: bytes = field(repr=False)
    transport: Transport
    clock: Callable[[], datetime]
    deadline: Deadline

    def post(self, message_id: str, body: bytes) -> None:
        """Send a message.

        Args:
            message_id: The same for the same message, so that a receiver knows a copy.
            body: JSON.

        Raises:
            NotSentError: It was not sent.
            NoAnswerError: It may have been received.
            ApiError: The status is no success; a redirect is none.
        """
        now = self.clock()
        seconds = str(int(now.timestamp()))
        signed = hmac.digest(
            self.key, b".".join([message_id.encode(), seconds.encode(), body]), "sha256"
        )
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": seconds,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
        request = Request("POST", self.url, headers, body, timestamp(now))
        answer = self.transport.send(request, max_bytes=_ANSWER_BYTES, deadline=self.deadline)
        if not answer.is_success:
            raise ApiError(
                f"the webhook answered {answer.status}",
                status=answer.status,
                retry_after=answer.retry_after,
            )
