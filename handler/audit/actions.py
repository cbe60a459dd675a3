"""Which actions of the log a person must look at."""

from __future__ import annotations

ATTENTION = frozenset(
    {
        "event.rejected", "delivery.rejected", "spec.rejected", "result.failed",
        "job.refused", "job.expired", "job.duplicated", "job.doubted", "settling.suspended",
        "log.checkpoint_failed", "scan.paused", "scan.limited", "state.contradicted",
    }
)  # fmt: skip
"""Records that a person must look at; beside them jobs that ended on the fleet other than well, a
hold by the circuit breaker, and plans and ignored deliveries whose object is not the one named in
the event."""
