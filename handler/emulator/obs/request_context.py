"""One request to OBS, and the bucket it addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.emulator.obs.xml_responses import refused

if TYPE_CHECKING:
    from handler.emulator.http.messages import Request
    from handler.emulator.obs.addressing import Address
    from handler.emulator.obs.bucket import Bucket
    from handler.emulator.operation import EmulatorContext


@dataclass(frozen=True)
class ObsCall:
    """A request with a valid signature, executed under the state's lock.

    Attributes:
        context: Dependencies of the operation.
        request: The request.
        address: The bucket and object it addresses.
    """

    context: EmulatorContext
    request: Request
    address: Address

    @property
    def bucket(self) -> Bucket:
        """The bucket.

        Raises:
            RefusedError: It does not exist.
        """
        bucket = self.context.state.bucket(self.address.bucket)
        if bucket is None:
            raise refused("NoSuchBucket", self.address)
        return bucket

    def new_version_id(self) -> str:
        """Return a version id for the next write."""
        return self.bucket.new_version_id(self.context.state.new_id())
