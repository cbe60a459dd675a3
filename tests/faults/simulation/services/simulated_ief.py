"""IEF behind its HTTP interface: what requests ask of the simulated API, and their answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from handler.cloud.http_transport import Answer
from handler.errors import ApiError, NoAnswerError
from handler.jobs.effects import Gone

if TYPE_CHECKING:
    from handler.cloud.http_transport import Request
    from handler.cloud.ief.client import ListedJob, ShownJob
    from handler.cloud.ief.fleet import EdgeNode
    from handler.values.canonical_json import Json
    from tests.faults.simulation.services.simulated_api import SimulatedApi

HOST = "ief.example.com"
_JOBS = re.compile(r"/v2/[^/]+/productmgr/jobs(?:/(?P<job>[^/]+)(?P<verb>/\w+)?)?")
_CALLS = {
    "/pause": "StopBatchJob",
    "/restore": "RestoreBatchJob",
    "/retry": "RetryBatchJob",
    None: "DeleteBatchJob",
}


@dataclass
class SimulatedIef:
    """IEF in one project.

    Attributes:
        api: The jobs, and what is done to a request.
        nodes: The edge nodes by their ids.
    """

    api: SimulatedApi
    nodes: dict[str, EdgeNode]

    def arrived(self, request: Request) -> Answer | None:
        """Return why a request that changes something is refused as it arrives; else None."""
        try:
            self.api.arrived(request.date, request.body)
        except ApiError as error:
            return _failed(error)
        return None

    def carried_out(self, request: Request) -> Answer:
        """Create a job or operate on one, and answer that."""
        found = _JOBS.fullmatch(urlsplit(request.url).path.rstrip("/"))
        assert found, request.url
        try:
            if found["job"] is None:
                return _answered({"job_id": self.api.create(request.body)})
            self.api.operate(_CALLS[found["verb"]], found["job"], request.date)
        except ApiError as error:
            return _failed(error)
        return _answered({})

    def looked_up(self, request: Request) -> Answer:
        """Answer a page of jobs or of nodes, or one job.

        Raises:
            NoAnswerError: It is not answered.
        """
        parts = urlsplit(request.url)
        path, query = parts.path.rstrip("/"), parse_qs(parts.query)
        if path.endswith("/edgemgr/nodes"):
            nodes: list[Json] = [_node(one) for one in self.nodes.values()]
            return _answered({"nodes": nodes, "count": len(nodes)})
        found = _JOBS.fullmatch(path)
        assert found, request.url
        if found["job"]:
            return self._shown(found["job"])
        page = self.api.list_jobs(
            query["job_type"][0], limit=int(query["limit"][0]), offset=int(query["offset"][0])
        )
        return _answered({"jobs": [_listed(one) for one in page], "count": len(page)})

    def _shown(self, job_id: str) -> Answer:
        shown = self.api.show_job(job_id)
        if shown is None:
            raise NoAnswerError("no answer")
        if isinstance(shown, Gone):
            return _failed(ApiError("no such job", status=404, code="IEF.100404"))
        return _answered(_job(shown))


def _answered(body: dict[str, Json], status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())


def _failed(error: ApiError) -> Answer:
    after = {"retry-after": f"{error.retry_after:.0f}"} if error.retry_after else {}
    body = json.dumps({"error_code": error.code, "error_msg": str(error)})
    return Answer(error.status, after, body.encode())


def _listed(job: ListedJob) -> dict[str, Json]:
    return {
        "job_id": job.job_id,
        "job_name": job.name,
        "job_type": job.type,
        "description": job.description,
        "created_at": job.created_at,
        "status": job.status,
    }


def _job(shown: ShownJob) -> dict[str, Json]:
    targets = shown.target_ids or ("",) * len(shown.tasks)
    return {
        "job_id": shown.job_id,
        "job_type": "node_upgrade",
        "status": shown.status,
        "status_last_updated_at": shown.updated_at,
        "tasks": [
            {"status": status, "reason": reason, "target_id": target}
            for (status, reason), target in zip(shown.tasks, targets, strict=True)
        ],
    }


def _node(node: EdgeNode) -> dict[str, Json]:
    pairs = (one.partition("=") for one in node.tags)
    return {
        "id": node.id,
        "name": node.name,
        "state": node.state,
        "upgrade_flag": node.upgradable,
        "tags": [{"key": key, "value": value} for key, _, value in pairs],
    }
