"""Translates pydantic's errors into messages without input values.

pydantic's errors hold the input, a URL and exceptions. Only the path, the kind of error and the
texts of our own models are used.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from handler.errors import Problem
from handler.parsing import MAX_PROBLEMS, format_path
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from handler.parsing import Document, Path
    from handler.values.canonical_json import Json

_MISSING = "missing"
_MEANT = re.compile(r"did you mean `([a-z_]+)`")

_SENTENCES = {
    "missing": _MISSING,
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number that is not NaN or Infinity",
    "string_type": "must be text",
    "string_unicode": "must be text without lone surrogates",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has a character that it may not have, such as a blank; remove it",
    "bool_type": "must be true or false, without quotes; yes, no, on and off are text",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "too_short": "needs at least one entry",
    "model_type": "must be a mapping",
    "json_invalid": "is not JSON",
}
_SENTENCES_FOR_JSON = {**_SENTENCES, "model_type": "must be an object"}

_COMPARED_LENGTH = 40  # characters of a field's name
_SIMILARITY = 0.75  # the ratio of difflib

_BOUNDS = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must be at most {max_length} characters",
    "too_long": "must be at most {max_length} entries",
}


class Issue(NamedTuple):
    """An error or a warning about a part of a document; its message holds no input value."""

    path: Path
    message: str


def to_problem(issue: Issue, document: Document) -> Problem:
    """Return an issue with its document's number and its line."""
    line = document.line_of(issue.path)
    return Problem(issue.message, format_path(issue.path), document.number, line)


def validation_issues(model: type[BaseModel], value: Json) -> list[Issue]:
    """Return the errors that a model finds in a value, at most one more than are shown."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return _deduplicate([_issue(model, value, one) for one in found[: MAX_PROBLEMS + 1]])
    return []


def json_problems(error: ValidationError, path: Path = ()) -> tuple[Problem, ...]:
    """Return the errors of JSON, such as an event's message at the path `("Records", 1)`."""
    return tuple(
        Problem(sentence_of(one, _SENTENCES_FOR_JSON), format_path((*path, *one["loc"])))
        for one in error.errors(include_url=False, include_input=False)
    )


def sentence_of(error: ErrorDetails, sentences: Mapping[str, str] = _SENTENCES) -> str:
    """Return what is wrong with a value, for all errors that do not depend on the document."""
    kind = error["type"]
    if kind in {"rule", "value_error"}:  # of our own validators
        return error["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        expected = error["ctx"]["expected"].removeprefix("'' or ").replace("True", "true")
        choices = expected.replace(" or ", ", ")
        return f"must be one of {choices}" if "," in choices else f"must be {choices}"
    if kind in _BOUNDS:
        bounds = error["ctx"].items()
        return _BOUNDS[kind].format(
            **{name: f"{one:g}" if isinstance(one, float) else one for name, one in bounds}
        )
    return sentences.get(kind, "is not valid here")


def _deduplicate(issues: list[Issue]) -> list[Issue]:
    """Return issues without `missing` for fields that are only misspelt."""
    meant = {
        (*one.path[:-1], found.group(1)) for one in issues if (found := _MEANT.search(one.message))
    }
    return [one for one in issues if one.message != _MISSING or one.path not in meant]


def with_path_prefix(path: Path, issues: Sequence[Issue]) -> list[Issue]:
    """Return issues of a part as issues of the document, in which the part has this path."""
    return [issue._replace(path=(*path, *issue.path)) for issue in issues]


def unknown_fields(model: type[BaseModel], value: Json, path: Path = ()) -> Iterator[Issue]:
    """Yield a warning for each field of a valid value that its open model does not have."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from unknown_fields(model, item, (*path, place))
    if not isinstance(value, dict):
        return
    models = _models_of_fields(model)
    for name, inner in value.items():
        if name not in models:
            hint = suggest_name(name, tuple(models))
            text = f"not a field of the API's page, sent unchanged{hint and f'; {hint}'}"
            yield Issue((*path, name), text)
        elif inside := models[name]:
            yield from unknown_fields(inside, inner, (*path, name))


@cache
def _models_of_fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """Return the fields of a model by their names in a document, each with the model in it."""
    return {
        field.alias or name: _model_in(field.annotation)
        for name, field in model.model_fields.items()
    }


def _issue(model: type[BaseModel], value: Json, error: ErrorDetails) -> Issue:
    path = _real_path(value, error["loc"], is_missing=error["type"] == "missing")
    return Issue(path, _sentence(model, value, path, error))


def _sentence(model: type[BaseModel], value: Json, path: Path, error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), _known_fields(model, path[:-1]))
    return _not_text(_at(value, path)) if kind == "string_type" else sentence_of(error)


def _unknown(name: str, known: Sequence[str]) -> str:
    """Return the message for a field that does not exist, without its name."""
    hint = suggest_name(name, known) or f"known here: {', '.join(known)}"
    return f"unknown field; {hint}"


def suggest_name(name: str, known: Sequence[str]) -> str:
    """Return `did you mean X?` for a misspelt name; "" if no known name is similar."""
    near = nearest_name(name, known)
    if near and near == name.strip().lower():
        return f"field names are in lower case: did you mean `{near}`?"
    return f"did you mean `{near}`?" if near else ""


def nearest_name(name: str, known: Sequence[str]) -> str:
    """Return the known name that is most similar to a misspelt one; "" if none is."""
    import difflib

    plain = name.strip().lower().replace("-", "_").replace(" ", "_")[:_COMPARED_LENGTH]
    # A field in camel case is also compared unchanged.
    near = difflib.get_close_matches(plain, known, n=1, cutoff=_SIMILARITY) or (
        difflib.get_close_matches(name[:_COMPARED_LENGTH], known, n=1, cutoff=_SIMILARITY)
    )
    return near[0] if near else ""


def _not_text(value: Json) -> str:
    if value is None:
        return "must be text; leave the field out if it is not wanted"
    if isinstance(value, dict | list):
        return "must be text"
    return "must be text; put it in quotes"


def _real_path(value: Json, loc: Sequence[str | int], *, is_missing: bool) -> Path:
    """Return the steps that exist in the document, without the names that validators add."""
    path: list[str | int] = []
    for step in loc[:-1] if is_missing else loc:
        if step in _steps(value):
            path.append(step)
            value = _at(value, (step,))
    return (*path, loc[-1]) if is_missing else tuple(path)


def _steps(value: Json) -> Container[str | int]:
    if isinstance(value, list):
        return range(len(value))
    return value.keys() if isinstance(value, dict) else ()


def _at(value: Json, path: Path) -> Json:
    for step in path:
        inside: Any = value
        value = inside[step]
    return value


def _known_fields(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    for step in path:
        if isinstance(step, str):
            model = _models_of_fields(model)[step] or model
    return tuple(_models_of_fields(model))


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any type expression
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model), None)
