-- The audit log of Nightdrop in one SQLite file.
-- `records` is the log: append only, each line chained to the one before it.
-- `deliveries`, `jobs`, `rollouts`, `rollout_nodes`, `outbox` and `switches` are derived from it in the same transaction.

CREATE TABLE IF NOT EXISTS records (
    seq    INTEGER PRIMARY KEY,               -- 1, 2, 3, … without gaps
    hash   TEXT NOT NULL,                     -- SHA-256 of `record`, hex
    prev   TEXT NOT NULL,                     -- the hash of the record before
    record TEXT NOT NULL CHECK (json_valid(record))
) STRICT;

CREATE TRIGGER IF NOT EXISTS records_append_only_insert BEFORE INSERT ON records
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM records)
  OR NEW.prev IS NOT coalesce(
         (SELECT hash FROM records ORDER BY seq DESC LIMIT 1),
         '0000000000000000000000000000000000000000000000000000000000000000')
BEGIN
    SELECT raise(ABORT, 'a record can only be appended at the end of the chain');
END;

CREATE TRIGGER IF NOT EXISTS records_append_only_update BEFORE UPDATE ON records
BEGIN
    SELECT raise(ABORT, 'a record cannot be changed');
END;

CREATE TRIGGER IF NOT EXISTS records_append_only_delete BEFORE DELETE ON records
BEGIN
    SELECT raise(ABORT, 'a record cannot be removed');
END;

CREATE TABLE IF NOT EXISTS deliveries (
    key      TEXT PRIMARY KEY,
    trigger  TEXT NOT NULL,                   -- timer, object, direct
    subject  TEXT NOT NULL,                   -- what it is a run of: obs://bucket/key, timer:name:…
    state    TEXT NOT NULL,                   -- received, awaiting, planned, repeated, …
    fired_at TEXT NOT NULL,
    digest   TEXT NOT NULL,                   -- SHA-256 of the spec's bytes
    note     TEXT NOT NULL,
    touched_at TEXT NOT NULL,                 -- of its own latest record; while it waits, of the first
    seq      INTEGER NOT NULL,                -- that record's number: of two, the later is larger
    changed  INTEGER NOT NULL,                -- the latest record about it or its jobs
    reported INTEGER NOT NULL,                -- what `changed` was when its result was written
    tries    INTEGER NOT NULL,                -- attempts to write its result since the last one
    due_at   TEXT NOT NULL,                   -- its result is not tried before; '' is at once
    result_error TEXT NOT NULL,               -- why its result could not be written
    etag     TEXT NOT NULL,                   -- of the object that was read
    repeats  TEXT NOT NULL,                   -- the delivery whose run it repeats, or follows
    body_digest TEXT NOT NULL,                -- SHA-256 of its body in the outbox, as recorded
    rule        TEXT NOT NULL,                -- the policy and the rule that decided about it, or ''
    awaits_until TEXT NOT NULL,               -- until when it may be approved; '' if it need not be
    approved    TEXT NOT NULL,                -- SHA-256 of the spec that was approved, or ''
    alarmed     INTEGER NOT NULL,             -- its latest record that a person must see
    noticed     INTEGER NOT NULL,             -- what `alarmed` was when a notice was claimed
    notice_tries INTEGER NOT NULL,            -- notices claimed since one was sent
    notice_due  TEXT NOT NULL,                -- no notice is claimed before; '' is at once
    asked       INTEGER NOT NULL,             -- how many jobs it asked for, all those of its rollouts included
    rollouts    INTEGER NOT NULL,             -- how many it planned
    rollouts_open INTEGER NOT NULL,           -- how many of them have not ended
    first_seq   INTEGER NOT NULL,             -- its first record
    last_seq    INTEGER NOT NULL              -- the latest record that names it
) STRICT;

CREATE INDEX IF NOT EXISTS deliveries_by_subject ON deliveries (subject, seq);
CREATE INDEX IF NOT EXISTS deliveries_by_repeats ON deliveries (repeats) WHERE repeats <> '';
CREATE INDEX IF NOT EXISTS deliveries_by_touch ON deliveries (touched_at);
CREATE INDEX IF NOT EXISTS deliveries_by_rule ON deliveries (rule, touched_at)
    WHERE state = 'planned' AND rule <> 'built-in:1';
CREATE INDEX IF NOT EXISTS deliveries_received ON deliveries (seq) WHERE state = 'received';
CREATE INDEX IF NOT EXISTS deliveries_awaiting ON deliveries (seq)
    WHERE state = 'awaiting';
CREATE INDEX IF NOT EXISTS deliveries_unreported ON deliveries (due_at, changed)
    WHERE trigger = 'object' AND changed > reported;
CREATE INDEX IF NOT EXISTS deliveries_unnoticed ON deliveries (notice_due, alarmed)
    WHERE alarmed > noticed OR notice_due <> '';

CREATE TABLE IF NOT EXISTS jobs (
    key         TEXT PRIMARY KEY,
    delivery    TEXT NOT NULL REFERENCES deliveries (key),
    document    INTEGER NOT NULL,             -- its document's place in the file, from 1
    name        TEXT NOT NULL,                -- job_name, as the API has it
    type        TEXT NOT NULL,                -- job_type
    state       TEXT NOT NULL,                -- planned, sending, created, refused, …
    attempt     INTEGER NOT NULL,
    date        TEXT NOT NULL,                -- of the latest claim's signature
    lease_until TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    job_id      TEXT NOT NULL,                -- the API's id
    other_ids   TEXT NOT NULL,                -- of its other copies at the API, separated by blanks
    copy_end    TEXT NOT NULL,                -- how the best of those copies ended: status, tasks, succeeded
    finished    TEXT NOT NULL,                -- the status it ended with
    tasks       INTEGER NOT NULL,             -- how many it had then
    succeeded   INTEGER NOT NULL,             -- how many of them succeeded
    doubtful    INTEGER NOT NULL,             -- 1: an earlier attempt was once unknown
    status      INTEGER NOT NULL,             -- HTTP status of the latest answer
    note        TEXT NOT NULL,
    planned_at  TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    seq         INTEGER NOT NULL,             -- its latest record
    body_digest TEXT NOT NULL,                -- SHA-256 of its body in the outbox, as recorded
    operation   TEXT NOT NULL,                -- pause, resume, …: claimed and not answered; or ''
    paused      INTEGER NOT NULL,             -- 1: paused, and not resumed since
    ended_at    INTEGER NOT NULL,             -- when it ended, or was asked to run again; seconds since 1970
    finished_at TEXT NOT NULL,                -- when its end was recorded
    finished_seq INTEGER NOT NULL,            -- in which record; 0 is none
    rollout     TEXT NOT NULL,                    -- the rollout that it is part of, or ''
    wave        INTEGER NOT NULL,             -- of that rollout; 0 is none
    todo        TEXT NOT NULL,                -- send, settle, operate, follow, or nothing
    shown       TEXT NOT NULL                 -- for people: `state`, and once it ended, how
) STRICT;

CREATE INDEX IF NOT EXISTS jobs_by_delivery ON jobs (delivery, document);
CREATE INDEX IF NOT EXISTS jobs_by_id ON jobs (job_id) WHERE job_id <> '';
CREATE INDEX IF NOT EXISTS jobs_todo ON jobs (todo, paused, seq) WHERE todo <> 'nothing';
CREATE INDEX IF NOT EXISTS jobs_ended ON jobs (finished_at) WHERE finished <> '';
CREATE INDEX IF NOT EXISTS jobs_by_rollout ON jobs (rollout, seq) WHERE rollout <> '';

CREATE TABLE IF NOT EXISTS rollouts (
    key         TEXT PRIMARY KEY,
    delivery    TEXT NOT NULL,
    document    INTEGER NOT NULL,             -- its document's place in the file, from 1
    name        TEXT NOT NULL,
    type        TEXT NOT NULL,                -- the job_type of its jobs
    state       TEXT NOT NULL,                -- planned, running, paused, stopped, finished
    settings    TEXT NOT NULL,                -- JSON
    body_digest TEXT NOT NULL,                -- SHA-256 of the template in the outbox, as recorded
    waves       TEXT NOT NULL,                -- how many nodes are in a wave up to each
    wave        INTEGER NOT NULL,             -- the latest one that was started
    wave_at     TEXT NOT NULL,                -- when it was started or finished
    wave_done   INTEGER NOT NULL,             -- 1: it has finished
    approved    INTEGER NOT NULL,             -- the latest wave that was approved
    awaited     INTEGER NOT NULL,             -- the latest wave that awaits an approval, or did
    breached    INTEGER NOT NULL,             -- 1: too many of its nodes failed, and it was not resumed since
    jobs        INTEGER NOT NULL,             -- how many were planned
    succeeded   INTEGER NOT NULL,             -- nodes that are no longer in rollout_nodes
    note        TEXT NOT NULL,
    planned_at  TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    seq         INTEGER NOT NULL               -- its latest record
) STRICT;

CREATE INDEX IF NOT EXISTS rollouts_by_delivery ON rollouts (delivery, document);
CREATE INDEX IF NOT EXISTS rollouts_open ON rollouts (seq)
    WHERE state NOT IN ('finished', 'stopped');

CREATE TABLE IF NOT EXISTS rollout_nodes (
    key      TEXT PRIMARY KEY,         -- 16 characters of the rollout's key, and the node's id
    rollout  TEXT NOT NULL,            -- its key
    node_id  TEXT NOT NULL,
    name     TEXT NOT NULL,
    place    INTEGER NOT NULL,                -- in the rollout, from 1; 0 was skipped from the start
    state    TEXT NOT NULL,            -- pending, running, succeeded, failed, skipped
    round    INTEGER NOT NULL,                -- in how many jobs it was
    job      TEXT NOT NULL,            -- the key of the latest, or ''
    note     TEXT NOT NULL,                   -- why it failed or was skipped
    excused  INTEGER NOT NULL                 -- 1: it had ended when its rollout was last resumed
) STRICT;

CREATE INDEX IF NOT EXISTS nodes_by_state ON rollout_nodes (rollout, state, excused, place);
CREATE INDEX IF NOT EXISTS nodes_by_job ON rollout_nodes (job) WHERE job <> '';
CREATE INDEX IF NOT EXISTS nodes_running ON rollout_nodes (node_id) WHERE state = 'running';

CREATE TABLE IF NOT EXISTS outbox (
    key  TEXT PRIMARY KEY,                    -- of a job, a rollout or a delivery
    body TEXT NOT NULL                        -- what it is sent with or started from; gone once settled
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS switches (
    name   TEXT PRIMARY KEY,                  -- hold, suspension, and other single values: scans, notices, the latest checkpoint
    reason TEXT NOT NULL                      -- why it is on, or the value; '' is off, or none
) STRICT;

-- For people: the log as columns.
CREATE VIEW IF NOT EXISTS trail AS
SELECT seq,
       json_extract(record, '$.at')                          AS at,
       json_extract(record, '$.action')                      AS action,
       json_extract(record, '$.outcome')                     AS outcome,
       substr(json_extract(record, '$.delivery.key'), 1, 16) AS delivery,
       json_extract(record, '$.job.name')                    AS job_name,
       substr(json_extract(record, '$.rollout.key'), 1, 16)  AS rollout,
       json_extract(record, '$.response.job_id')             AS job_id,
       json_extract(record, '$.response.status')             AS status,
       json_extract(record, '$.actor.kind')                  AS actor_kind,
       coalesce(json_extract(record, '$.actor.name'), json_extract(record, '$.actor.account')) AS actor,
       json_extract(record, '$.delivery.subject')            AS subject,
       json_extract(record, '$.note')                        AS note,
       json_extract(record, '$.function.request_id')         AS request_id,
       hash
FROM records;

-- For people: one line per job, from what asked for it to what came of it.
CREATE VIEW IF NOT EXISTS job_story AS
SELECT jobs.name       AS job_name,
       jobs.type       AS job_type,
       jobs.shown      AS state,
       jobs.job_id,
       jobs.finished,
       jobs.tasks,
       jobs.succeeded,
       deliveries.trigger,
       deliveries.subject,
       jobs.document,
       jobs.attempt    AS attempts,
       jobs.planned_at,
       jobs.changed_at,
       jobs.note,
       substr(jobs.delivery, 1, 16) AS delivery,
       substr(jobs.key, 1, 16)      AS job
FROM jobs JOIN deliveries ON deliveries.key = jobs.delivery;
