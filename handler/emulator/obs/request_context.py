"""One request to OBS, and the bucket it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler.emulator.obs.xml_responses import refused

if TYPE_CHECKING:
    from handler.emulator.http.messages import Request
    from handler.emulator.obs.addressing import Place
    from handler.emulator.obs.bucket import Shelf
    from handler.emulator.operation import Site


@dataclass(frozen=True)
class Call:
    """A request whose signature was checked; carried out under the state's lock.

    Attributes:
        site: What the operation works on.
        request: The request.
        place: The bucket and object it is about.
    """

    site: Site
    request: Request
    place: Place

    @property
    def shelf(self) -> Shelf:
        """The bucket.

        Raises:
            RefusedError: It does not exist.
        """
        shelf = self.site.state.shelf(self.place.bucket)
        if shelf is None:
            raise refused("NoSuchBucket", self.place)
        return shelf

    def new_version_id(self) -> str:
        """Return the version id of what is written now."""
        return self.shelf.new_version_id(self.site.state.new_id())
