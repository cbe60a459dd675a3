"""The SQL statements about rollouts and their nodes, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from handler.audit.rollouts.state import NodeState, RolloutState
from handler.audit.sql.rows import JOB_COLUMNS
from handler.audit.sql.statements import upsert
from handler.audit.sql.value_list import ANY

# Every name that is put into a statement is one of the schema's own.
# ruff: noqa: S608

ROLLOUT_COLUMNS = RolloutState._fields
"""The columns of `rollouts`."""

_ROLLOUTS = f"SELECT {', '.join(ROLLOUT_COLUMNS)} FROM rollouts"
_NODES = f"SELECT {', '.join(NodeState._fields)} FROM rollout_nodes"
_JOBS = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs"

ALL_ROLLOUTS = f"{_ROLLOUTS} ORDER BY key"
ALL_NODES = f"{_NODES} ORDER BY key"
ROLLOUT = f"{_ROLLOUTS} WHERE key = ?"
OF_DELIVERY = f"{_ROLLOUTS} WHERE delivery = ? ORDER BY document"
_PAUSED = "SELECT rollout FROM jobs WHERE todo = 'follow' AND paused = 1"
OPEN_ROLLOUTS = f"""{_ROLLOUTS} WHERE state NOT IN ('finished', 'stopped')
  OR (state = 'stopped' AND key IN ({_PAUSED})) ORDER BY seq LIMIT ?"""
LATEST_ROLLOUTS = f"""{_ROLLOUTS}
ORDER BY CASE WHEN state IN ('finished', 'stopped') THEN 1 ELSE 0 END, planned_at DESC, key
LIMIT ?"""
PUT_ROLLOUT = upsert(
    "rollouts",
    ROLLOUT_COLUMNS,
    ("key", "delivery", "document", "name", "type", "settings", "body_digest", "planned_at"),
)

ALL_COUNTS = "SELECT state, COUNT(*) FROM rollout_nodes WHERE rollout = ? GROUP BY state"
COUNTS = """SELECT state, COUNT(*) FROM rollout_nodes
WHERE rollout = ? AND place BETWEEN ? AND ? GROUP BY state"""
JUDGED = """SELECT state, COUNT(*) FROM rollout_nodes
WHERE rollout = ? AND excused = 0 AND state IN ('failed', 'succeeded') GROUP BY state"""
_ELSEWHERE = """EXISTS (
    SELECT 1 FROM rollout_nodes AS other
    WHERE other.node_id = rollout_nodes.node_id AND other.state = 'running'
      AND other.rollout <> rollout_nodes.rollout)"""
_PENDING = f"{_NODES} WHERE rollout = ? AND state = 'pending' AND excused = 0 AND place <= ?"
PENDING_NODES = f"{_PENDING} AND NOT {_ELSEWHERE} ORDER BY place LIMIT ?"
BUSY = f"{_PENDING} AND {_ELSEWHERE} ORDER BY place LIMIT ?"
NODES_OF_JOB = f"{_NODES} WHERE job <> '' AND job = ? ORDER BY place"
NODES_IN_STATE = f"{_NODES} WHERE rollout = ? AND state = ? ORDER BY place, key LIMIT ?"
REASONS = """SELECT note, COUNT(*) AS counted FROM rollout_nodes
WHERE rollout = ? AND state = ? GROUP BY note ORDER BY counted DESC, note LIMIT ?"""
RETRIABLE = """SELECT COUNT(*) FROM rollout_nodes
WHERE rollout = ? AND state = 'failed' AND place >= ? AND round <= ?"""
KNOWN = f"SELECT key FROM rollout_nodes WHERE place > 0 AND key IN {ANY}"
OPEN_JOBS = f"{_JOBS} WHERE rollout <> '' AND rollout = ? AND todo <> 'nothing' ORDER BY seq"
FAILED_JOBS = f"""{_JOBS} WHERE rollout <> '' AND rollout = ? AND finished_at > ?
  AND shown IN ('partly failed', 'failed', 'end unknown') ORDER BY seq"""

PUT_NODE = upsert("rollout_nodes", NodeState._fields, ("key", "rollout", "node_id", "name"))
ASSIGN = "UPDATE rollout_nodes SET state = 'running', round = round + 1, job = ? WHERE key = ?"
RELEASE = """UPDATE rollout_nodes SET state = 'pending', round = round - 1, job = ''
WHERE job = ? AND state = 'running'"""
MOVE = "UPDATE rollout_nodes SET state = ?, note = ? WHERE key = ?"
EXCUSE = """UPDATE rollout_nodes SET excused = 1
WHERE rollout = ? AND excused = 0 AND state IN ('failed', 'succeeded')"""
MOVE_ALL = "UPDATE rollout_nodes SET state = ?, note = ? WHERE job = ? AND state = 'running'"
RETRY = """UPDATE rollout_nodes SET state = 'pending', note = '', excused = 0
WHERE rollout = ? AND state = 'failed' AND place >= ? AND round <= ?"""
DELETE_SUCCEEDED = "DELETE FROM rollout_nodes WHERE rollout = ? AND state = 'succeeded'"
