"""The plan: keys, names, marks, all problems at once, and no value in any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import SpecRejectedError
from handler.parsing import Document, Limits, read
from handler.specs.planner import Plan, make_plan, mark_of
from handler.values.canonical_json import key_of

if TYPE_CHECKING:
    from handler.values.canonical_json import Json

SAMPLES = Path(__file__).parents[3] / "events" / "specs"
UPGRADE: dict[str, Json] = {"kind": "node_upgrade", "name": "nightly", "targets": {"nodes": ["n"]}}
BODY: dict[str, Json] = {
    "job_name": "nightly",
    "job_type": "node_upgrade",
    "job_content": {"target_type": "node", "targets": [{"target_id": "n"}]},
}


def plan(*values: Json, delivery: str = "delivery") -> Plan:
    """Return the plan of some documents."""
    return make_plan(delivery, [Document(at, value) for at, value in enumerate(values, start=1)])


def problems(*values: Json) -> list[str]:
    """Return the problems of some documents."""
    with pytest.raises(SpecRejectedError) as caught:
        plan(*values)
    return str(caught.value).splitlines()


def sample(name: str) -> Plan:
    """Return the plan of a sample file."""
    return make_plan("delivery", read((SAMPLES / name).read_bytes(), Limits()))


def test_a_jobs_key_follows_from_its_delivery_and_place() -> None:
    """The same delivery always asks for the same jobs."""
    first, second = plan(UPGRADE, UPGRADE).jobs
    assert first.key == key_of(["delivery", 1, 0])
    assert second.key == key_of(["delivery", 2, 0])
    assert plan(UPGRADE, delivery="other").jobs[0].key != first.key


def test_the_mark_opens_the_description() -> None:
    """With the user's text after it, where there is one."""
    (job,) = plan({**BODY, "description": "text"}).jobs
    assert json.loads(job.body)["description"] == f"nd-{job.key[:26]} text"
    (job,) = plan({**BODY, "description": ""}).jobs
    assert json.loads(job.body)["description"] == mark_of(job.key) == f"nd-{job.key[:26]}"


def test_the_longest_description_fits_the_platforms_limit() -> None:
    """225 characters and the mark are 255."""
    (job,) = plan({**BODY, "description": "ä" * 225}).jobs
    assert len(json.loads(job.body)["description"]) == 255


def test_a_body_of_the_apis_form_is_sent_with_exactly_its_values() -> None:
    """Order, absent fields and odd numbers stay; only the description is new."""
    raw = (SAMPLES / "api-example.json").read_text()
    (job,) = sample("api-example.json").jobs
    sent = json.loads(job.body)
    assert {**sent, "description": ""} == json.loads(raw)
    assert list(sent) == list(json.loads(raw))
    assert list(json.loads(plan(BODY).jobs[0].body)) == [*BODY, "description"]


def test_the_body_is_compact_utf_8_text() -> None:
    """No spaces between parts, no escapes for letters."""
    (job,) = plan({**UPGRADE, "description": "Größe"}).jobs
    assert job.body.startswith('{"job_name":"nightly-')
    assert "Größe" in job.body


def test_the_nightly_sample_becomes_a_node_upgrade() -> None:
    """Two named nodes, four hours of validity."""
    (job,) = sample("nightly-upgrade.yaml").jobs
    body = json.loads(job.body)
    assert (job.name, job.job_type, job.valid_for) == (
        f"nightly-{job.key[:8]}",
        "node_upgrade",
        14_400,
    )
    names = [target["extension_info"][0]["value"] for target in body["job_content"]["targets"]]
    assert names == ["gateway-north-1", "gateway-north-2"]


def test_the_camera_sample_becomes_a_deployment() -> None:
    """Its mapping is the text of an envelope."""
    (job,) = sample("deploy-camera.yaml").jobs
    task = json.loads(json.loads(job.body)["job_content"]["task_data"])
    assert (job.job_type, job.valid_for, task["name_prex"]) == ("deployment_deploy", None, "camera")
    container = task["deployment"]["template"]["containers"][0]
    assert container["resources"]["limits"] == {"cpu": "0.5", "memory": "512"}


def test_the_lines_sample_holds_three_jobs() -> None:
    """Both forms may be in one file."""
    found = sample("many.jsonl")
    assert [job.document for job in found.jobs] == [1, 2, 3]
    assert [job.valid_for for job in found.jobs] == [None, 5400, None]
    assert found.jobs[2].name == "hall-c-upgrade"


def test_the_broken_sample_is_refused_with_all_its_errors() -> None:
    """Both documents, each error with its line, path and sentence."""
    with pytest.raises(SpecRejectedError) as caught:
        sample("broken.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 13
    assert lines[7] == "document 2, line 11, job_name: 31 characters, the API allows 26"
    assert lines[5].startswith("document 1, line 8, priority: unknown field; known here: kind, ")


@pytest.mark.parametrize("value", [None, 1, "text", [], [{"kind": "node_upgrade"}]])
def test_a_document_is_a_mapping(value: Json) -> None:
    """The problem says what both forms look like."""
    (line,) = problems(value)
    assert line == (
        "document 1: must be a mapping: write kind, name and targets, or the API's own job_name, "
        "job_type and job_content; YAML documents are separated by `---`"
    )


def test_a_mapping_of_neither_form_has_one_problem() -> None:
    """The fields that one form misses are not listed."""
    (line,) = problems({"apiVersion": "v1"})
    assert line.startswith("document 1: no job spec: write kind, name and targets, or the API's ")


def test_a_mapping_of_both_forms_has_one_problem() -> None:
    """It is unknown which form was intended."""
    assert problems({**UPGRADE, **BODY})[0].startswith("document 1: mixes two forms: ")


def test_one_bad_document_rejects_the_file() -> None:
    """A file is run completely or not at all."""
    assert problems(UPGRADE, {**UPGRADE, "kind": "x"}, BODY)[0].startswith("document 2, kind: ")


def test_an_explicit_name_may_occur_only_once_in_a_file() -> None:
    """It is sent exactly so; a name in the short form gets the key added and may repeat."""
    assert problems(BODY, UPGRADE, BODY) == [
        "document 3, job_name: document 1 has this name already; give each job its own"
    ]


def test_open_questions_are_warnings() -> None:
    """They name document and path as errors do, and delay nothing."""
    found = plan(UPGRADE, {"job_name": "a", "job_type": "node_upgrade"})
    assert len(found.jobs) == 2
    assert [str(warning) for warning in found.warnings] == [
        "document 2, job_content: missing; the API may make a job that does nothing"
    ]


def test_fields_in_the_wrong_case_get_suggestions() -> None:
    """`Kind` is no other form, and all of it comes at once."""
    lines = problems({"Kind": "node_upgrade", "Name": "a", "targets": {"nodes": ["n"]}})
    assert "field names are in lower case: did you mean `kind`?" in "\n".join(lines)
    assert "field names are in lower case: did you mean `name`?" in "\n".join(lines)
    assert "missing" not in "\n".join(lines)
    assert "did you mean `job_type`?" in "\n".join(problems({"jobtype": "node_upgrade"}))
    assert "no job spec" in "\n".join(problems({"hello": "world"}))


def test_a_hostile_file_gets_a_list_of_limited_length() -> None:
    """The rest is counted."""
    lines = problems({**UPGRADE, **{f"x{number}": 1 for number in range(500)}})
    assert (len(lines), lines[-1]) == (101, "and more; only the first 100 are shown")


CANARY = "kanarienvogel"
anything = st.recursive(
    st.sampled_from([CANARY, f"{CANARY} 4711", "-", "", None, True, 4711.5, 47110815]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "name", "nodes", "deployment", "replicas", "template", "containers",
                         "configs", "targets", "target_id", "task_data", "key", "value", "limits",
                         "resources", "envs", "extension_info", CANARY + " key"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
fields = ["kind", "name", "description", "targets", "deployment", "tags", "serial", "valid_for"]
api_fields = ["job_name", "job_type", "job_content", "description", "tags", CANARY * 5]


documents = (
    st.dictionaries(st.sampled_from(fields), anything)
    | st.dictionaries(st.sampled_from(api_fields), anything)
    | anything
)


@given(st.lists(documents, max_size=3))
def test_no_value_is_ever_in_a_problem(values: list[Any]) -> None:
    """Whatever is wrong with a file, its contents are not quoted."""
    try:
        found = plan(*values)
    except SpecRejectedError as error:
        text = str(error)
    else:
        text = "\n".join(map(str, found.warnings))
    assert CANARY not in text
    assert "4711" not in text


@given(st.sampled_from(["{", "}", '"', ":", ",", "[1"]), st.integers(0, 40))
def test_no_value_of_broken_task_data_is_in_a_problem(junk: str, at: int) -> None:
    """The text inside the text is quoted no more than the file."""
    task = json.dumps({"deployment": {"replicas": CANARY, "template": CANARY}})
    content: dict[str, Json] = {"target_type": "node", "task_data": task[:at] + junk + task[at:]}
    body: dict[str, Json] = {**BODY, "job_type": "deployment_deploy", "job_content": content}
    try:
        plan(body)
    except SpecRejectedError as error:
        assert CANARY not in str(error)  # noqa: PT017 - either outcome is right


def test_planning_imports_nothing_heavy() -> None:
    """The function's cold start pays for every import."""
    heavy = "{'click', 'rich', 'flask', 'requests', 'sqlite_utils', 'werkzeug'}"
    code = f"import sys, handler.specs.planner; print({heavy} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "set()"
