"""Plan: the batch jobs that a delivery's documents ask for, each with its stable key."""

from __future__ import annotations

import json
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from handler.errors import Problem, SpecRejectedError
from handler.parsing import MAX_PROBLEMS, first_problems
from handler.parsing.validation_errors import Issue, nearest_name, to_problem
from handler.specs.field_types import NAME_SUFFIX_LENGTH
from handler.specs.targets import is_node_id, is_rollout, selects, target_of
from handler.values.canonical_json import key_of
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from handler.parsing import Document
    from handler.specs.rollout_planner import PlannedRollout
    from handler.specs.selector import Selection
    from handler.values.canonical_json import Json

MARK_KEY_LENGTH = 26

NamedNodes: TypeAlias = "tuple[tuple[str, str], ...]"
"""Nodes that were found by their names: id and name of each."""

NO_NAMES: Mapping[int, NamedNodes] = MappingProxyType({})
"""No node was named by its name."""

NOTHING_SELECTED: Mapping[int, Selection] = MappingProxyType({})
"""No document selects its nodes, or they are not known yet."""

MOST_ROLLOUTS = 20
"""How many rollouts a file may have: each selects from all nodes."""

_API_WORDS = frozenset({"job_name", "job_type", "job_content"})
_SHORT_WORDS = frozenset({"kind", "name"})
_TWO_FORMS = "write kind, name and targets, or the API's own job_name, job_type and job_content"


class PlannedJob(NamedTuple):
    """One batch job to create.

    Attributes:
        key: Its key, the same however often the delivery arrives.
        document: The number of the document that asks for it.
        name: Its `job_name`.
        job_type: Its `job_type`.
        body: The JSON text of the request, the mark in its description.
        valid_for: Seconds after the delivery in which it may be sent; None: the setting decides.
        nodes: The nodes that its spec names by their names, as the node list has them.
    """

    key: str
    document: int
    name: str
    job_type: str
    body: str
    valid_for: int | None
    nodes: NamedNodes = ()


class Plan(NamedTuple):
    """What a delivery asks for."""

    jobs: tuple[PlannedJob, ...]
    warnings: tuple[Problem, ...]
    rollouts: tuple[PlannedRollout, ...] = ()


class _Form(NamedTuple):
    """How documents of one form are judged and turned into a request body."""

    errors: Callable[[dict[str, Json]], list[Issue]]
    warnings: Callable[[dict[str, Json]], list[Issue]]
    body: Callable[[dict[str, Json], str], dict[str, Json]]
    valid_for: Callable[[dict[str, Json]], int | None]


def _short_form() -> _Form:
    from handler.specs.short_form import build_body, job_errors, job_warnings, valid_for_seconds

    return _Form(job_errors, job_warnings, build_body, valid_for_seconds)


def _api_form() -> _Form:
    from handler.specs.api_form import body_errors, body_warnings

    return _Form(body_errors, body_warnings, lambda body, _: body, lambda _: None)


def mark_of(job_key: str) -> str:
    """Return the mark that opens a job's description, by which the job is found again."""
    return f"nd-{job_key[:MARK_KEY_LENGTH]}"


def make_plan(
    delivery_key: str,
    documents: Sequence[Document],
    names: Mapping[int, NamedNodes] = NO_NAMES,
    selections: Mapping[int, Selection] = NOTHING_SELECTED,
    grace: int | None = None,
) -> Plan:
    """Turn a delivery's documents into its plan.

    Args:
        delivery_key: The delivery's key; the jobs' keys follow from it.
        documents: The documents of its spec.
        names: The nodes of each document that were named by their names.
        selections: The nodes of each document that selects them.
        grace: Seconds that a rollout's job may need beyond IEF's ten minutes; None: the default.

    Returns:
        The plan, with one job or one rollout for each document.

    Raises:
        SpecRejectedError: At least one document has an error; those of all documents are listed.
    """
    problems = first_problems(_problems(documents))
    if problems:
        raise SpecRejectedError(problems)
    of_rollouts = [document for document in documents if is_rollout(_mapping(document))]
    jobs = tuple(
        _job(delivery_key, document, names.get(document.number, ()))
        for document in documents
        if not is_rollout(_mapping(document))
    )
    rollouts = _rollouts(delivery_key, of_rollouts, names, selections, grace) if of_rollouts else ()
    warnings = (problem for document in documents for problem in _warnings(document))
    return Plan(jobs, first_problems(warnings), rollouts)


def _rollouts(
    delivery_key: str,
    documents: Sequence[Document],
    names: Mapping[int, NamedNodes],
    selections: Mapping[int, Selection],
    grace: int | None,
) -> tuple[PlannedRollout, ...]:
    from handler.specs.rollout_planner import plan_rollout, window_problem

    if len(documents) > MOST_ROLLOUTS:
        text = f"{len(documents)} rollouts in one file, at most {MOST_ROLLOUTS}; split the file"
        raise SpecRejectedError([Problem(text)])
    rollouts = tuple(
        plan_rollout(
            delivery_key, one, _mapping(one), names.get(one.number, ()), selections.get(one.number)
        )
        for one in documents
    )
    found = (
        window_problem(one, document, grace)
        for one, document in zip(rollouts, documents, strict=True)
    )
    problems = first_problems(problem for problem in found if problem)
    if problems:
        raise SpecRejectedError(problems)
    return rollouts


def rollout_job_name(rollout_name: str, job_key: str) -> str:
    """Return the name of one job of a rollout: the short name and characters of the job's key."""
    short_name = rollout_name[: -NAME_SUFFIX_LENGTH - 1]
    return f"{short_name}-{job_key[:NAME_SUFFIX_LENGTH]}"


def rollout_job(template: str, job_name: str, job_key: str, nodes: NamedNodes) -> str:
    """Return the JSON text of the request for one job of a rollout.

    Args:
        template: The rollout's template.
        job_name: The job's name, as `rollout_job_name` makes it.
        job_key: The job's key; its mark opens the description.
        nodes: Id and name of each target; names of nodes are sent along.
    """
    body = json.loads(template)
    content = body["job_content"]
    content["targets"] = [target_of(one, name, content["target_type"]) for one, name in nodes]
    marked = _marked(body, job_key)
    return _text({"job_name": job_name, **marked})


def has_names(documents: Sequence[Document]) -> bool:
    """Return whether valid documents name a node by anything but an id."""
    return any(True for document in documents for _ in named_nodes(document))


def has_selections(documents: Sequence[Document]) -> bool:
    """Return whether documents select their nodes."""
    return any(selects(_mapping(document)) for document in documents)


def named_nodes(document: Document) -> Iterator[tuple[int, str]]:
    """Yield the place and the text of each node of a document that may be a name."""
    for place, entry in enumerate(listed_nodes(document)):
        if isinstance(entry, str) and not is_node_id(entry):
            yield place, entry


def listed_nodes(document: Document) -> list[Json]:
    """Return the entries of `targets.nodes` of the short form."""
    targets = _mapping(document).get("targets")
    nodes = targets.get("nodes") if isinstance(targets, dict) else None
    return nodes if isinstance(nodes, list) else []


def _problems(documents: Sequence[Document]) -> Iterator[Problem]:
    """Yield what is wrong, document by document and line by line."""
    first: dict[str, int] = {}
    for document in documents:
        found = [*_errors(document), *_repeated_name(document, first)]
        yield from sorted(found, key=lambda problem: problem.line or 0)


def _form(value: Mapping[str, Json]) -> _Form:
    return _api_form() if value.keys() & _API_WORDS else _short_form()


def _mapping(document: Document) -> dict[str, Json]:
    return document.value if isinstance(document.value, dict) else {}


def _errors(document: Document) -> list[Problem]:
    value = document.value
    if not isinstance(value, dict):
        text = f"must be a mapping: {_TWO_FORMS}; YAML documents are separated by `---`"
        return [to_problem(Issue((), text), document)]
    in_api_words, in_short_words = value.keys() & _API_WORDS, value.keys() & _SHORT_WORDS
    if in_api_words and in_short_words:
        return [to_problem(Issue((), f"mixes two forms: {_TWO_FORMS}"), document)]
    form = _form(value) if in_api_words or in_short_words else _misspelt_form(value)
    if form is None:
        return [to_problem(Issue((), f"no job spec: {_TWO_FORMS}"), document)]
    return [to_problem(issue, document) for issue in form.errors(value)]


def _misspelt_form(value: Mapping[str, Json]) -> _Form | None:
    """Return the form whose field names are similar, such as `Kind`."""
    forms = ((_short_form, sorted(_SHORT_WORDS)), (_api_form, sorted(_API_WORDS)))
    return next(
        (
            form()
            for form, words in forms
            if any(nearest_name(key, words) for key in islice(value, MAX_PROBLEMS))
        ),
        None,
    )


def _warnings(document: Document) -> list[Problem]:
    value = _mapping(document)
    return [to_problem(issue, document) for issue in _form(value).warnings(value)]


def _repeated_name(document: Document, first: dict[str, int]) -> list[Problem]:
    """Return a problem if an earlier document has this one's explicit name, and remember it."""
    name = _mapping(document).get("job_name")
    if not isinstance(name, str):
        return []
    earlier = first.setdefault(name, document.number)
    if earlier == document.number:
        return []
    text = f"document {earlier} has this name already; give each job its own"
    return [to_problem(Issue(("job_name",), text), document)]


def _job(delivery_key: str, document: Document, nodes: NamedNodes) -> PlannedJob:
    value = _mapping(document)
    form = _form(value)
    place_in_document = 0  # one document asks for one job
    key = key_of([delivery_key, document.number, place_in_document])
    body = form.body(value, key)
    return PlannedJob(
        key=key,
        document=document.number,
        name=str(body["job_name"]),
        job_type=str(body["job_type"]),
        body=_text(_marked(body, key)),
        valid_for=form.valid_for(value),
        nodes=nodes,
    )


def _marked(body: dict[str, Json], key: str) -> dict[str, Json]:
    note = body.get("description")
    return {**body, "description": f"{mark_of(key)} {note}" if note else mark_of(key)}


def _text(body: dict[str, Json]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
