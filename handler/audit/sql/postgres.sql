-- The audit log of Nightdrop in PostgreSQL 14 or later, in a schema of its own.
-- `records` is the log: append only, each line chained to the one before it.
-- `deliveries`, `jobs`, `rollouts`, `rollout_nodes`, `outbox` and `switches` are derived from it in the same transaction.
-- Texts that order or join are compared byte by byte, as SQLite does.

CREATE SCHEMA IF NOT EXISTS nightdrop;

CREATE TABLE IF NOT EXISTS nightdrop.records (
    seq    BIGINT PRIMARY KEY,                -- 1, 2, 3, … without gaps
    hash   TEXT COLLATE "C" NOT NULL UNIQUE,  -- SHA-256 of `record`, hex
    prev   TEXT COLLATE "C" NOT NULL UNIQUE,  -- the hash of the record before
    record TEXT NOT NULL CHECK (record::json IS NOT NULL)
);

CREATE OR REPLACE FUNCTION nightdrop.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_seq  BIGINT;
    last_hash TEXT;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a record cannot be changed or removed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT seq, hash INTO last_seq, last_hash FROM nightdrop.records ORDER BY seq DESC LIMIT 1;
    IF NOT FOUND THEN
        last_seq := 0;
        last_hash := repeat('0', 64);
    END IF;
    IF NEW.seq IS DISTINCT FROM last_seq + 1 OR NEW.prev IS DISTINCT FROM last_hash THEN
        RAISE EXCEPTION 'a record can only be appended at the end of the chain'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER records_append_only_insert BEFORE INSERT ON nightdrop.records
    FOR EACH ROW EXECUTE FUNCTION nightdrop.append_only();

CREATE OR REPLACE TRIGGER records_append_only_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON nightdrop.records
    FOR EACH STATEMENT EXECUTE FUNCTION nightdrop.append_only();

-- Also where a session claims to replay a replica's changes.
ALTER TABLE nightdrop.records ENABLE ALWAYS TRIGGER records_append_only_insert;
ALTER TABLE nightdrop.records ENABLE ALWAYS TRIGGER records_append_only_change;

CREATE TABLE IF NOT EXISTS nightdrop.deliveries (
    key        TEXT COLLATE "C" PRIMARY KEY,
    trigger    TEXT NOT NULL,                 -- timer, object, direct
    subject    TEXT COLLATE "C" NOT NULL,     -- what it is a run of: obs://bucket/key, timer:name:…
    state      TEXT NOT NULL,                 -- received, awaiting, planned, repeated, …
    fired_at   TEXT NOT NULL,
    digest     TEXT NOT NULL,                 -- SHA-256 of the spec's bytes
    note       TEXT NOT NULL,
    touched_at TEXT COLLATE "C" NOT NULL,     -- of its own latest record; while it waits, of the first
    seq        BIGINT NOT NULL,               -- that record's number: of two, the later is larger
    changed    BIGINT NOT NULL,               -- the latest record about it or its jobs
    reported   BIGINT NOT NULL,               -- what `changed` was when its result was written
    tries      INTEGER NOT NULL,              -- attempts to write its result since the last one
    due_at     TEXT COLLATE "C" NOT NULL,     -- its result is not tried before; '' is at once
    result_error TEXT NOT NULL,               -- why its result could not be written
    etag       TEXT NOT NULL,                 -- of the object that was read
    repeats    TEXT NOT NULL,                 -- the delivery whose run it repeats, or follows
    body_digest TEXT NOT NULL,                -- SHA-256 of its body in the outbox, as recorded
    rule        TEXT COLLATE "C" NOT NULL,    -- the policy and the rule that decided about it, or ''
    awaits_until TEXT NOT NULL,               -- until when it may be approved; '' if it need not be
    approved    TEXT NOT NULL,                -- SHA-256 of the spec that was approved, or ''
    alarmed     BIGINT NOT NULL,              -- its latest record that a person must see
    noticed     BIGINT NOT NULL,              -- what `alarmed` was when a notice was claimed
    notice_tries INTEGER NOT NULL,            -- notices claimed since one was sent
    notice_due  TEXT COLLATE "C" NOT NULL,    -- no notice is claimed before; '' is at once
    asked       INTEGER NOT NULL,             -- how many jobs it asked for, all those of its rollouts included
    rollouts    INTEGER NOT NULL,             -- how many it planned
    rollouts_open INTEGER NOT NULL,           -- how many of them have not ended
    first_seq   BIGINT NOT NULL,              -- its first record
    last_seq    BIGINT NOT NULL               -- the latest record that names it
);

CREATE INDEX IF NOT EXISTS deliveries_by_subject ON nightdrop.deliveries (subject, seq);
CREATE INDEX IF NOT EXISTS deliveries_by_repeats ON nightdrop.deliveries (repeats) WHERE repeats <> '';
CREATE INDEX IF NOT EXISTS deliveries_by_touch ON nightdrop.deliveries (touched_at);
CREATE INDEX IF NOT EXISTS deliveries_by_rule ON nightdrop.deliveries (rule, touched_at)
    WHERE state = 'planned' AND rule <> 'built-in:1';
CREATE INDEX IF NOT EXISTS deliveries_received ON nightdrop.deliveries (seq)
    WHERE state = 'received';
CREATE INDEX IF NOT EXISTS deliveries_awaiting ON nightdrop.deliveries (seq)
    WHERE state = 'awaiting';
CREATE INDEX IF NOT EXISTS deliveries_unreported ON nightdrop.deliveries (due_at, changed)
    WHERE trigger = 'object' AND changed > reported;
CREATE INDEX IF NOT EXISTS deliveries_unnoticed ON nightdrop.deliveries (notice_due, alarmed)
    WHERE alarmed > noticed OR notice_due <> '';

CREATE TABLE IF NOT EXISTS nightdrop.jobs (
    key         TEXT COLLATE "C" PRIMARY KEY,
    delivery    TEXT COLLATE "C" NOT NULL REFERENCES nightdrop.deliveries (key),
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
    changed_at  TEXT COLLATE "C" NOT NULL,
    seq         BIGINT NOT NULL,              -- its latest record
    body_digest TEXT NOT NULL,                -- SHA-256 of its body in the outbox, as recorded
    operation   TEXT NOT NULL,                -- pause, resume, …: claimed and not answered; or ''
    paused      INTEGER NOT NULL,             -- 1: paused, and not resumed since
    ended_at    BIGINT NOT NULL,              -- when it ended, or was asked to run again; seconds since 1970
    finished_at TEXT COLLATE "C" NOT NULL,    -- when its end was recorded
    finished_seq BIGINT NOT NULL,             -- in which record; 0 is none
    rollout     TEXT COLLATE "C" NOT NULL,        -- the rollout that it is part of, or ''
    wave        INTEGER NOT NULL,             -- of that rollout; 0 is none
    todo        TEXT NOT NULL,                -- send, settle, operate, follow, or nothing
    shown       TEXT NOT NULL                 -- for people: `state`, and once it ended, how
);

CREATE INDEX IF NOT EXISTS jobs_by_delivery ON nightdrop.jobs (delivery, document);
CREATE INDEX IF NOT EXISTS jobs_by_id ON nightdrop.jobs (job_id) WHERE job_id <> '';
CREATE INDEX IF NOT EXISTS jobs_todo ON nightdrop.jobs (todo, paused, seq) WHERE todo <> 'nothing';
CREATE INDEX IF NOT EXISTS jobs_ended ON nightdrop.jobs (finished_at) WHERE finished <> '';
CREATE INDEX IF NOT EXISTS jobs_by_rollout ON nightdrop.jobs (rollout, seq) WHERE rollout <> '';

CREATE TABLE IF NOT EXISTS nightdrop.rollouts (
    key         TEXT COLLATE "C" PRIMARY KEY,
    delivery    TEXT COLLATE "C" NOT NULL,
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
    planned_at  TEXT COLLATE "C" NOT NULL,
    changed_at  TEXT COLLATE "C" NOT NULL,
    seq         BIGINT NOT NULL               -- its latest record
);

CREATE INDEX IF NOT EXISTS rollouts_by_delivery ON nightdrop.rollouts (delivery, document);
CREATE INDEX IF NOT EXISTS rollouts_open ON nightdrop.rollouts (seq)
    WHERE state NOT IN ('finished', 'stopped');

CREATE TABLE IF NOT EXISTS nightdrop.rollout_nodes (
    key      TEXT COLLATE "C" PRIMARY KEY,         -- 16 characters of the rollout's key, and the node's id
    rollout  TEXT COLLATE "C" NOT NULL,            -- its key
    node_id  TEXT COLLATE "C" NOT NULL,
    name     TEXT NOT NULL,
    place    INTEGER NOT NULL,                -- in the rollout, from 1; 0 was skipped from the start
    state    TEXT COLLATE "C" NOT NULL,            -- pending, running, succeeded, failed, skipped
    round    INTEGER NOT NULL,                -- in how many jobs it was
    job      TEXT COLLATE "C" NOT NULL,            -- the key of the latest, or ''
    note     TEXT NOT NULL,                   -- why it failed or was skipped
    excused  INTEGER NOT NULL                 -- 1: it had ended when its rollout was last resumed
);

CREATE INDEX IF NOT EXISTS nodes_by_state ON nightdrop.rollout_nodes (rollout, state, excused, place);
CREATE INDEX IF NOT EXISTS nodes_by_job ON nightdrop.rollout_nodes (job) WHERE job <> '';
CREATE INDEX IF NOT EXISTS nodes_running ON nightdrop.rollout_nodes (node_id) WHERE state = 'running';

CREATE TABLE IF NOT EXISTS nightdrop.outbox (
    key  TEXT COLLATE "C" PRIMARY KEY,        -- of a job, a rollout or a delivery
    body TEXT NOT NULL                        -- what it is sent with or started from; gone once settled
);

CREATE TABLE IF NOT EXISTS nightdrop.switches (
    name   TEXT PRIMARY KEY,                  -- hold, suspension, and other single values: scans, notices, the latest checkpoint
    reason TEXT NOT NULL                      -- why it is on, or the value; '' is off, or none
);

-- For people: the log as columns. jsonb holds no NUL: one in an object's key is shown as U+FFFD.
CREATE OR REPLACE VIEW nightdrop.trail AS
SELECT seq,
       said ->> 'at'                                AS at,
       said ->> 'action'                            AS action,
       said ->> 'outcome'                           AS outcome,
       left(said #>> '{delivery,key}', 16)          AS delivery,
       said #>> '{job,name}'                        AS job_name,
       substr(said #>> '{rollout,key}', 1, 16)      AS rollout,
       said #>> '{response,job_id}'                 AS job_id,
       (said #>> '{response,status}')::integer      AS status,
       said #>> '{actor,kind}'                      AS actor_kind,
       coalesce(said #>> '{actor,name}', said #>> '{actor,account}') AS actor,
       said #>> '{delivery,subject}'                AS subject,
       said ->> 'note'                              AS note,
       said #>> '{function,request_id}'             AS request_id,
       hash
FROM nightdrop.records
CROSS JOIN LATERAL (SELECT replace(record, '\u0000', '\ufffd')::jsonb AS said) AS parsed;

-- For people: one line per job, from what asked for it to what came of it.
CREATE OR REPLACE VIEW nightdrop.job_story AS
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
       left(jobs.delivery, 16) AS delivery,
       left(jobs.key, 16)      AS job
FROM nightdrop.jobs JOIN nightdrop.deliveries ON deliveries.key = jobs.delivery;
