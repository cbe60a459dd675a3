"""Every field of both forms: a scalar arrives as it was written, or the file is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handler.cli.specs.schema import job_spec_schema
from handler.errors import SpecRejectedError
from handler.parsing import Limits, format_path, read
from handler.specs.api_form import body_errors, body_warnings
from handler.specs.planner import make_plan
from handler.specs.short_form import job_errors, job_warnings
from tests.unit.specs.full_specs import BODY, ENVELOPE, JOB, ROLLOUT, leaves, with_leaf

if TYPE_CHECKING:
    from handler.parsing import Path
    from handler.values.canonical_json import Json

KEY = "k" * 52
NOT_TEXT: list[Json] = [1, 1.5, True, False, None]
NOT_BOOLEAN: list[Json] = ["no", "off", "true", "False", 0, 1, None]
NOT_WHOLE: list[Json] = ["7", 7.5, 7.0, True, None]


def of_type(kind: type, value: Json) -> list[Path]:
    """Return the paths of the scalars of a type."""
    return [path for path, leaf in leaves(value) if type(leaf) is kind]


def errors(spec: dict[str, Any]) -> list[str]:
    """Return what is wrong with a spec in either form, as text."""
    found = job_errors(spec) if "kind" in spec else body_errors(spec)
    return [f"{format_path(one.path)}: {one.message}" for one in found]


def test_the_full_specs_are_right_and_have_every_field() -> None:
    """Otherwise what follows would test less than it says."""
    assert (errors(JOB), errors(ROLLOUT), errors(BODY)) == ([], [], [])
    doubted = [*job_warnings(JOB), *job_warnings(ROLLOUT), *body_warnings(BODY)]
    assert not [one for one in doubted if "not a field" in one.message]
    names = {step for one in (JOB, ROLLOUT, BODY) for path, _ in leaves(one) for step in path}
    definitions = job_spec_schema()["$defs"].values()
    fields = {name for one in definitions for name in one.get("properties", {})}
    assert fields - names == {"groups", "deployments"}


@pytest.mark.parametrize("spec", [JOB, BODY], ids=["own", "api"])
@pytest.mark.parametrize("wrong", NOT_TEXT)
def test_a_text_field_takes_text_alone(spec: dict[str, Any], wrong: Json) -> None:
    """A number or a truth value would be sent as another text than was written."""
    for path in of_type(str, spec):
        if path == ("serial",) and wrong == 1 and wrong is not True:
            continue  # goes nowhere, and may be a whole number
        found = errors(with_leaf(spec, path, wrong))
        assert found, path
        assert any("quotes" in one or "leave the field out" in one for one in found) or (
            path[-1]
            in {"kind", "job_type", "target_type", "type", "restart_policy", "serial", "valid_for"}
        )


@pytest.mark.parametrize("wrong", [1.5, True, None, {}])
def test_a_field_of_a_rollout_takes_its_own_type_alone(wrong: Json) -> None:
    """Nothing is read as something else."""
    for path, leaf in leaves(ROLLOUT):
        if type(wrong) is not type(leaf):
            assert errors(with_leaf(ROLLOUT, path, wrong)), path


@pytest.mark.parametrize("wrong", NOT_BOOLEAN)
def test_a_boolean_field_takes_true_and_false_alone(wrong: Json) -> None:
    """`no` is text in YAML 1.2, and no truth value."""
    paths = of_type(bool, JOB)
    assert {path[-1] for path in paths} == {
        "privileged", "read_only", "host_network", "host_pid", "migration",
    }  # fmt: skip
    for path in paths:
        (found,) = errors(with_leaf(JOB, path, wrong))
        assert "must be true or false, without quotes; yes, no, on and off are text" in found


@pytest.mark.parametrize("wrong", NOT_WHOLE)
def test_a_number_field_takes_whole_numbers_alone(wrong: Json) -> None:
    """Neither a text nor a fraction is rounded into one."""
    for path in of_type(int, JOB):
        (found,) = errors(with_leaf(JOB, path, wrong))
        assert "whole number" in found


@pytest.mark.parametrize("wrong", [*NOT_TEXT, "no"])
def test_the_json_inside_a_task_data_is_held_to_the_same(wrong: Json) -> None:
    """The API reads its scalars, so they must be what they look like."""
    for path, leaf in leaves(ENVELOPE):
        if type(wrong) is type(leaf):
            continue
        text = json.dumps(with_leaf(ENVELOPE, path, wrong))
        assert errors(with_leaf(BODY, ("job_content", "task_data"), text)), path


@pytest.mark.parametrize("number", ["1.10", "3.10", "1.0e3", "-0", "0.50"])
@pytest.mark.parametrize("language", ["yaml", "json"])
def test_a_number_that_would_change_refuses_the_file(number: str, language: str) -> None:
    """In a field that is known, and in one that is not."""
    for field in ("version", "unheard_of"):
        text = json.dumps(JOB).replace('"version": "1.10"', f'"{field}": {number}')
        data = f"--- {text}" if language == "yaml" else text
        with pytest.raises(SpecRejectedError, match="put it in quotes") as caught:
            make_plan(KEY, read(data.encode(), Limits()))
        assert all("put it in quotes" in str(one) for one in caught.value.problems)


@given(st.text(min_size=1, max_size=12), st.booleans())
def test_quoted_and_plain_scalars_reach_the_request_unchanged(
    text: str,
    plain: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """An argument is sent exactly so, or the file is refused."""
    written = text if plain else yaml.dump(text, default_style='"', allow_unicode=True)
    spec = f"--- {json.dumps(JOB)}".replace(
        '["3.10"]', f"[\n{written.strip() or chr(34) * 2}\n]", 1
    )
    try:
        (job,) = make_plan(KEY, read(spec.encode("utf-8", "surrogatepass"), Limits())).jobs
    except SpecRejectedError:
        return
    task = json.loads(json.loads(job.body)["job_content"]["task_data"])
    args = task["deployment"]["template"]["containers"][0]["args"]
    if not plain:
        assert args == [text]
    elif len(args) == 1 and text.isprintable() and not set(text) & set("#'\"|>\\,[]{}&*!%@`"):
        assert args == [text.strip()]
