"""The audit log in an object store: segments, snapshots, outbox."""
