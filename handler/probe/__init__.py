"""First contact: what is assumed about the cloud, compared with what an account shows.

    fact             one assumption: assumed, seen, verdict, what to change
    client           the calls of the probe, and what was observed of their answers
    list_checks      what the list of jobs shows; nothing is changed
    create_checks    what two jobs show, which are deleted afterwards
    right_checks     which of the actions `ief:batchjob:*` are allowed
    rate_check       how a limit on requests is told
    object_checks    what a prefix in OBS shows
    run_probe        all of these, in order
    event_check      how EventGrid writes object keys
    function_checks  what only the function sees, from inside
    report           the facts as Markdown and JSON
    facts_file       the JSON, read by the function, and what follows from it

The function imports `facts_file` alone, and only if NIGHTDROP_FACTS is set. A fact can make the
function more careful, never less: an old or a wrong file costs time, not a promise.
"""
