-- Report tables for people, built from the log by `audit stats` and `audit serve`.
-- Runs on a connection that reads the log as `main` and has an empty database attached as `page`.
-- Foreign text passes through `display`, a function of the connection.
-- The outbox is not copied: the requests in it may hold secrets.

CREATE TABLE page.deliveries (
    key         TEXT PRIMARY KEY,
    received_at TEXT NOT NULL,
    day         TEXT NOT NULL,
    fired_at    TEXT NOT NULL,
    began       TEXT NOT NULL,      -- what times count from: fired_at, or the receipt if that is long past
    trigger     TEXT NOT NULL,
    subject     TEXT NOT NULL,
    actor       TEXT,
    state       TEXT NOT NULL,
    jobs        INTEGER NOT NULL,
    note        TEXT NOT NULL
);

CREATE TABLE page.jobs (
    key         TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    type        TEXT NOT NULL,
    state       TEXT NOT NULL,
    ended       TEXT NOT NULL,
    shown       TEXT NOT NULL,      -- the state, or how it ended on the fleet
    day         TEXT NOT NULL,
    planned_at  TEXT NOT NULL,
    created_at  TEXT,
    seconds     REAL,               -- from `began` to the API's answer
    attempts    INTEGER NOT NULL,
    delivery    TEXT NOT NULL REFERENCES deliveries (key),
    job_id      TEXT NOT NULL,
    note        TEXT NOT NULL
);

CREATE TABLE page.records (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    day      TEXT NOT NULL,
    action   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    delivery TEXT REFERENCES deliveries (key),
    job      TEXT REFERENCES jobs (key),
    attempt  INTEGER,
    status   INTEGER,
    final    TEXT,
    job_id   TEXT,
    actor    TEXT,
    note     TEXT,
    hash     TEXT NOT NULL
);

CREATE TABLE page.checkpoints (
    seq    INTEGER PRIMARY KEY REFERENCES records (seq),
    at     TEXT NOT NULL,
    size   INTEGER NOT NULL,
    head   TEXT NOT NULL,
    signer TEXT,
    name   TEXT NOT NULL
);

CREATE TABLE page.rollouts (
    key        TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    state      TEXT NOT NULL,
    wave       INTEGER NOT NULL,    -- the latest that was started, of `waves`
    waves      INTEGER NOT NULL,
    nodes      INTEGER NOT NULL,
    succeeded  INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    skipped    INTEGER NOT NULL,
    running    INTEGER NOT NULL,
    pending    INTEGER NOT NULL,
    jobs       INTEGER NOT NULL,
    planned_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    delivery   TEXT NOT NULL,
    note       TEXT NOT NULL
);

CREATE TABLE page.waves (
    rollout     TEXT NOT NULL REFERENCES rollouts (key),
    wave        INTEGER NOT NULL,
    nodes       INTEGER,
    failed      INTEGER,
    started_at  TEXT,
    finished_at TEXT
);

CREATE TABLE page.nodes (
    rollout TEXT NOT NULL REFERENCES rollouts (key),
    name    TEXT NOT NULL,
    node_id TEXT NOT NULL,
    place   INTEGER NOT NULL,       -- 0: skipped when the rollout was planned
    state   TEXT NOT NULL,
    round   INTEGER NOT NULL,
    job     TEXT,
    note    TEXT NOT NULL
);

INSERT INTO page.records
SELECT seq,
       json_extract(record, '$.at'),
       substr(json_extract(record, '$.at'), 1, 10),
       json_extract(record, '$.action'),
       json_extract(record, '$.outcome'),
       json_extract(record, '$.delivery.key'),
       json_extract(record, '$.job.key'),
       json_extract(record, '$.request.attempt'),
       json_extract(record, '$.response.status'),
       json_extract(record, '$.response.final'),
       nullif(display(json_extract(record, '$.response.job_id')), ''),
       nullif(display(json_extract(record, '$.actor.kind')
           || coalesce(' ' || json_extract(record, '$.actor.name'), '')
           || coalesce(' ' || json_extract(record, '$.actor.principal'), '')
           || coalesce(' ' || json_extract(record, '$.actor.account'), '')), ''),
       nullif(display(json_extract(record, '$.note')), ''),
       hash
FROM main.records ORDER BY seq;

CREATE INDEX page.records_by_delivery ON records (delivery);
CREATE INDEX page.records_by_job ON records (job);
CREATE INDEX page.records_by_action ON records (action);

INSERT INTO page.checkpoints
SELECT seq,
       json_extract(record, '$.at'),
       json_extract(record, '$.checkpoint.size'),
       json_extract(record, '$.checkpoint.head'),
       json_extract(record, '$.checkpoint.signer'),
       json_extract(record, '$.checkpoint.name')
FROM main.records
WHERE seq IN (SELECT seq FROM page.records WHERE action = 'log.checkpointed');

INSERT INTO page.deliveries
SELECT known.key, first.at, first.day, coalesce(nullif(known.fired_at, ''), first.at),
       CASE WHEN julianday(first.at) - julianday(known.fired_at) BETWEEN 0 AND 1
            THEN known.fired_at ELSE first.at END,
       known.trigger, display(known.subject), first.actor, known.state,
       (SELECT count(*) FROM main.jobs WHERE delivery = known.key), display(known.note)
FROM main.deliveries AS known
JOIN page.records AS first
  ON first.seq = (SELECT min(seq) FROM page.records WHERE delivery = known.key);

INSERT INTO page.jobs
SELECT known.key, display(known.name), known.type, known.state, known.finished,
       CASE WHEN known.finished = '' AND (
           SELECT action FROM page.records
           WHERE job = known.key AND action IN ('job.paused', 'job.resumed', 'job.retried')
           ORDER BY seq DESC LIMIT 1) = 'job.paused' THEN 'paused'
       ELSE shown_word(known.state, known.finished, coalesce((
           SELECT json_extract(record, '$.response.succeeded') FROM main.records
           WHERE seq = (SELECT max(seq) FROM page.records
                        WHERE job = known.key AND action = 'job.finished')), 0)) END,
       substr(known.planned_at, 1, 10), known.planned_at, created.at,
       round((julianday(created.at) - julianday(asked.began)) * 86400, 3),
       known.attempt, known.delivery, display(known.job_id), display(known.note)
FROM main.jobs AS known
JOIN page.deliveries AS asked ON asked.key = known.delivery
LEFT JOIN page.records AS created ON created.seq = (
    SELECT min(seq) FROM page.records
    WHERE job = known.key AND action IN ('job.created', 'job.adopted'));

CREATE INDEX page.jobs_by_delivery ON jobs (delivery);
CREATE INDEX page.jobs_by_name ON jobs (name);
CREATE INDEX page.deliveries_by_day ON deliveries (day);

-- Failures, each with a reason to group them by.
CREATE VIEW page.failures AS
SELECT seq, at, day, action,
       CASE action
           WHEN 'spec.rejected' THEN 'the spec has errors'
           WHEN 'event.rejected' THEN 'the event has no known shape'
           WHEN 'job.expired' THEN 'not sent while it was valid'
           WHEN 'job.abandoned' THEN 'abandoned by hand'
           WHEN 'job.duplicated' THEN 'created twice at the API'
           WHEN 'job.finished' THEN 'ended ' || replace(lower(final), '_', ' ') || ' on the fleet'
           WHEN 'log.checkpoint_failed' THEN 'a checkpoint could not be written'
           ELSE coalesce(substr(note, 1, instr(note || char(10), char(10)) - 1), action)
       END AS reason,
       delivery, job, note
FROM records
WHERE outcome = 'failure' OR action = 'job.abandoned';

-- Why nodes of rollouts failed or were skipped.
CREATE VIEW page.node_reasons AS
SELECT rollouts.name, nodes.state, nodes.note AS reason, count(*) AS nodes, rollouts.delivery
FROM nodes JOIN rollouts ON rollouts.key = nodes.rollout
WHERE nodes.state IN ('failed', 'skipped')
GROUP BY nodes.rollout, nodes.state, nodes.note;

-- Open work, and what it waits for.
CREATE VIEW page.open_items AS
SELECT 'job' AS what, name, delivery, key AS job,
       CASE WHEN shown = 'paused' THEN 'paused on the fleet'
            WHEN state = 'duplicated' THEN 'runs twice on the fleet'
            WHEN state IN ('created', 'adopted') THEN 'runs on the fleet' ELSE state END AS state,
       planned_at AS since, note
FROM jobs
WHERE state NOT IN ('refused', 'expired', 'abandoned')
  AND NOT (state IN ('created', 'adopted', 'duplicated') AND ended <> '')
UNION ALL
SELECT 'delivery', subject, key, NULL,
       CASE state WHEN 'awaiting' THEN 'awaits approval' ELSE 'received, not decided' END,
       received_at, note
FROM deliveries
WHERE state IN ('received', 'awaiting')
UNION ALL
SELECT 'rollout', name, delivery, NULL, state || ', wave ' || wave || ' of ' || waves, changed_at, note
FROM rollouts
WHERE state NOT IN ('stopped', 'finished');

-- One line per day: deliveries, their results, and times.
CREATE VIEW page.days AS
WITH ranked AS (
    SELECT day, seconds,
           row_number() OVER (PARTITION BY day ORDER BY seconds) AS place,
           count(*) OVER (PARTITION BY day) AS many
    FROM jobs WHERE seconds IS NOT NULL
), took AS (
    SELECT day,
           max(CASE WHEN place = (many + 1) / 2 THEN seconds END) AS median_seconds,
           max(CASE WHEN place = (95 * many + 99) / 100 THEN seconds END) AS p95_seconds
    FROM ranked GROUP BY day
), done AS (
    SELECT day,
           count(*) AS jobs,
           sum(state IN ('created', 'adopted')) AS created,
           sum(shown IN ('partly failed', 'failed', 'end unknown')) AS failed,
           sum(state IN ('refused', 'expired')) AS refused,
           sum(state = 'abandoned') AS abandoned,
           sum(state = 'duplicated') AS duplicated,
           sum(state NOT IN ('created', 'adopted', 'refused', 'expired', 'abandoned',
                             'duplicated')) AS waiting
    FROM jobs GROUP BY day
)
SELECT deliveries.day,
       count(*) AS deliveries,
       sum(deliveries.state = 'rejected') AS rejected,
       coalesce(done.jobs, 0) AS jobs,
       coalesce(done.created, 0) AS created,
       coalesce(done.failed, 0) AS failed,
       coalesce(done.refused, 0) AS refused,
       coalesce(done.abandoned, 0) AS abandoned,
       coalesce(done.duplicated, 0) AS duplicated,
       coalesce(done.waiting, 0) AS waiting,
       took.median_seconds,
       took.p95_seconds
FROM deliveries
LEFT JOIN done ON done.day = deliveries.day
LEFT JOIN took ON took.day = deliveries.day
GROUP BY deliveries.day;
