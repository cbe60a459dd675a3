-- The rows of the report tables about rollouts; logs of before there were any have nothing for them.

INSERT INTO page.rollouts
SELECT known.key, display(known.name), known.type, known.state, known.wave,
       length(known.waves) - length(replace(known.waves, ' ', '')) + 1,
       CAST(substr(known.waves, length(rtrim(known.waves, '0123456789')) + 1) AS INTEGER),
       known.succeeded + coalesce(sum(node.state = 'succeeded'), 0),
       coalesce(sum(node.state = 'failed'), 0),
       coalesce(sum(node.state = 'skipped'), 0),
       coalesce(sum(node.state = 'running'), 0),
       coalesce(sum(node.state = 'pending'), 0),
       known.jobs, known.planned_at, known.changed_at, known.delivery, display(known.note)
FROM main.rollouts AS known
LEFT JOIN main.rollout_nodes AS node ON node.rollout = known.key
GROUP BY known.key;

INSERT INTO page.waves
SELECT rollout, wave,
       max(json_extract(record, '$.rollout.selected')),
       max(CASE WHEN action = 'wave.finished' THEN json_extract(record, '$.rollout.failed') END),
       min(CASE WHEN action = 'wave.started' THEN at END),
       max(CASE WHEN action = 'wave.finished' THEN at END)
FROM (
    SELECT json_extract(record, '$.rollout.key') AS rollout,
           json_extract(record, '$.rollout.wave') AS wave,
           step.action, step.at, record
    FROM page.records AS step
    JOIN main.records AS stored ON stored.seq = step.seq
    WHERE step.action IN ('wave.started', 'wave.finished')
)
WHERE rollout IN (SELECT key FROM page.rollouts)
GROUP BY rollout, wave;

INSERT INTO page.nodes
SELECT node.rollout, display(node.name), node.node_id, node.place, node.state, node.round,
       nullif(node.job, ''), display(node.note)
FROM main.rollout_nodes AS node;

CREATE INDEX page.nodes_by_rollout ON nodes (rollout, state);
