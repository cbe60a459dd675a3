"""Settings: where they come from, every rule, and one clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from handler.errors import SettingsError
from handler.settings import LONGEST_FLIGHT, REGIONS, Settings, load, settings_warnings

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRON = {
    "NIGHTDROP_REGION": "cn-north-4",
    "NIGHTDROP_PROJECT_ID": "p",
    "NIGHTDROP_AUDIT": "sqlite:///audit.db",
}
DATA = {"NIGHTDROP_PROJECT_ID": "data"}
CANARY = "canary-5f1c"


def nothing(_name: str) -> None:
    """Return no user data."""


def settings(user_data: Callable[[str], str | None] = nothing, **changed: str | None) -> Settings:
    """Load the settings; a changed value of None takes a variable out of the environment."""
    named = {f"NIGHTDROP_{name}".upper(): value for name, value in changed.items()}
    environ = {name: value for name, value in {**ENVIRON, **named}.items() if value is not None}
    return load(user_data, environ)


def complaint(**changed: str | None) -> list[str]:
    """Return the lines of the error about the settings."""
    with pytest.raises(SettingsError) as caught:
        settings(nothing, **changed)
    assert caught.value.__cause__ is None
    return str(caught.value).splitlines()


def test_user_data_comes_before_the_environment() -> None:
    """Encrypted settings are only in the user data."""
    found = settings(DATA.get, project_id="environment", prefix="drop/")
    assert (found.project_id, found.prefix) == ("data", "drop/")


def test_an_empty_value_counts_as_none() -> None:
    """In the user data the environment decides, in the environment the default."""
    found = settings(lambda _name: "", timer_window="", results="")
    assert (found.project_id, found.timer_window, found.results) == ("p", 30, None)


def test_space_around_a_value_does_not_count() -> None:
    """Copied values often have it."""
    assert settings(project_id=" p\n").project_id == "p"


@pytest.mark.parametrize("name", ["HUAWEICLOUD_SDK_PROJECT_ID", "RUNTIME_PROJECT_ID"])
def test_the_project_may_come_under_other_names(name: str) -> None:
    """The SDK's own, and the platform's."""
    environ = {**ENVIRON, name: "other"}
    assert load(nothing, environ).project_id == "p"
    del environ["NIGHTDROP_PROJECT_ID"]
    assert load(nothing, environ).project_id == "other"


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_gives_both_endpoints(region: str) -> None:
    """Nothing else needs to be set for them."""
    found = settings(region=region)
    assert found.ief_endpoint == f"https://ief.{region}.myhuaweicloud.com"
    assert found.obs_endpoint == f"https://obs.{region}.myhuaweicloud.com"


def test_another_region_needs_the_address_of_ief() -> None:
    """The regions that are known are named."""
    (line,) = complaint(region="eu-west-101")
    assert "cn-north-4" in line
    assert "NIGHTDROP_IEF_ENDPOINT" in line
    found = settings(region="eu-west-101", ief_endpoint="https://ief.example.com")
    assert found.ief_endpoint == "https://ief.example.com"


def test_both_endpoints_stand_for_the_region() -> None:
    """One alone does not."""
    ief, obs = "http://127.0.0.1:1", "http://[::1]:2"
    assert settings(region=None, ief_endpoint=ief, obs_endpoint=obs).obs_endpoint == obs
    assert "NIGHTDROP_REGION is missing" in complaint(region=None, ief_endpoint=ief)[0]


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("https://ief.example.com/", "https://ief.example.com"),
        ("HTTPS://ief.example.com:8443", "https://ief.example.com:8443"),
        ("http://localhost:80//", "http://localhost:80"),
        ("https://ief.example.com?", "https://ief.example.com"),
    ],
)
def test_an_endpoint_is_scheme_and_host(given: str, endpoint: str) -> None:
    """What follows the host says nothing and goes."""
    assert settings(ief_endpoint=given).ief_endpoint == endpoint


@pytest.mark.parametrize(
    "value",
    [
        f"http://{CANARY}.example.com",
        f"ftp://{CANARY}.example.com",
        f"{CANARY}.example.com",
        "https://",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://2852039166",
        "https://0xa9fea9fe",
        f"https://example.com/{CANARY}",
        f"https://example.com?{CANARY}=1",
        f"https://example.com#{CANARY}",
        f"https://user:{CANARY}@example.com",
        f"https://:{CANARY}@example.com",
        f"https://example.com:{CANARY}",
        "https://example.com:99999",
        f"https://[{CANARY}]",
        f"https://[{CANARY}",
        f"https://{CANARY}\u2100.example.com",
    ],
)
@pytest.mark.parametrize("name", ["ief_endpoint", "obs_endpoint"])
def test_an_endpoint_that_is_unsafe_or_unclear_is_refused(name: str, value: str) -> None:
    """Keys are signed for it, so it must be a named host over TLS; it is not echoed."""
    (line,) = complaint(**{name: value})
    assert line.startswith(f"NIGHTDROP_{name.upper()}: ")
    assert CANARY not in line


def test_buckets_are_separated_by_commas() -> None:
    """Space and empty entries between them do not count."""
    assert settings(buckets="one, two,,").buckets == ("one", "two")
    assert settings().buckets == ()


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("obs://bucket", ("bucket", "")),
        ("obs://bucket/", ("bucket", "")),
        ("obs://bucket/a/b", ("bucket", "a/b/")),
        ("obs://bucket/a?b#c/", ("bucket", "a?b#c/")),
    ],
)
def test_results_go_under_a_prefix(value: str, place: tuple[str, str]) -> None:
    """Every character of a key counts; the prefix ends with a slash."""
    assert settings(results=value).results == place


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("results", f"s3://{CANARY}/"),
        ("results", "obs:///prefix"),
        ("results", CANARY),
        ("audit", "sqlite:///"),
        ("audit", f"mysql://user:{CANARY}@host/db"),
        ("audit", "obs://bucket"),
        ("audit", "obs:///prefix/"),
        ("max_spec_bytes", "0"),
        ("max_spec_bytes", "2097153"),
        ("max_spec_bytes", CANARY),
        ("request_timeout", "0"),
        ("request_timeout", "nan"),
        ("request_timeout", "inf"),
        ("request_timeout", "301"),
        ("timer_window", "-1"),
        ("timer_window", "3601"),
        ("timer_window", "1.5"),
        ("eventgrid_keys", CANARY),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_echoed(name: str, value: str) -> None:
    """A person learns which setting, and what it may be."""
    (line,) = complaint(**{name: value})
    assert line.startswith(f"NIGHTDROP_{name.upper()}: ")
    assert CANARY not in line


@pytest.mark.parametrize("missing", ["project_id", "audit"])
def test_a_missing_setting_is_explained(missing: str) -> None:
    """The sentence says what it is for."""
    (line,) = complaint(**{missing: None})
    assert line.startswith(f"NIGHTDROP_{missing.upper()} is missing: ")
    assert len(line) > 40


def test_all_problems_come_in_one_error() -> None:
    """Missing, wrong and unknown ones, and those of the region: one deployment corrects all."""
    lines = complaint(region=None, project_id=None, timer_window=CANARY, bukets="x")
    begins = [line.partition(":")[0].partition(" ")[0] for line in lines]
    assert sorted(begins) == [
        *("NIGHTDROP_BUKETS", "NIGHTDROP_PROJECT_ID", "NIGHTDROP_REGION", "NIGHTDROP_TIMER_WINDOW")
    ]


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    """A misspelt setting would otherwise silently be its default."""
    assert "perhaps NIGHTDROP_BUCKETS" in complaint(bukets=CANARY)[0]
    assert "perhaps" not in complaint(xyzzyxyzzyxyzzy="1")[0]
    assert CANARY not in complaint(bukets=CANARY)[0]


@pytest.mark.parametrize("text", ['{"NIGHTDROP_BUKETS": "x"}', "[", "[1]", "null", ""])
def test_an_unknown_name_in_the_user_data_is_refused(text: str) -> None:
    """As far as the platform lists its names; anything else that it lists is no error."""
    problems: list[str] = []
    try:
        load(nothing, {**ENVIRON, "RUNTIME_USERDATA": text})
    except SettingsError as error:
        problems = str(error).splitlines()
    assert [one.partition(":")[0] for one in problems] == ["NIGHTDROP_BUKETS"] * ("x" in text)


def test_other_programs_variables_are_left_alone() -> None:
    """Only names with our prefix are ours."""
    assert load(nothing, {**ENVIRON, "OTHER_SETTING": "1"}).project_id == "p"


def test_settings_cannot_be_changed_afterwards() -> None:
    """They hold for the life of an instance."""
    found: Any = settings()
    with pytest.raises(ValueError, match="frozen"):
        found.region = "cn-north-1"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("obs://kept", "obs://kept/"),
        ("obs://kept/a/b", "obs://kept/a/b/"),
        ("kept/here", "kept/here"),
        ("/kept", "/kept"),
    ],
)
def test_checkpoints_go_to_a_bucket_or_a_folder(given: str, kept: str) -> None:
    """A prefix ends with a slash."""
    assert settings(checkpoints=given).checkpoints == kept


@pytest.mark.parametrize("value", [f"s3://{CANARY}/", "obs:///a", f"file:///{CANARY}"])
def test_another_place_for_checkpoints_is_refused(value: str) -> None:
    """By name, and not echoed."""
    (line,) = complaint(checkpoints=value)
    assert line == "NIGHTDROP_CHECKPOINTS: must be obs://bucket/prefix/ or the path of a folder"


@pytest.mark.parametrize("prefix", ["drop/", ""])
def test_checkpoints_do_not_lie_where_specs_are_dropped(prefix: str) -> None:
    """Each would be taken for a spec; elsewhere in the bucket they may lie."""
    (line,) = complaint(buckets="bkt-a,bkt-b", prefix=prefix, checkpoints="obs://bkt-b/drop/kept/")
    assert line.startswith("NIGHTDROP_CHECKPOINTS: is under NIGHTDROP_PREFIX")
    assert settings(
        buckets="bkt-a,bkt-b", prefix="drop/", checkpoints="obs://bkt-b/kept/"
    ).checkpoints
    assert settings(buckets="bkt-a,bkt-b", checkpoints="kept").checkpoints == "kept"


def test_the_key_for_checkpoints_is_never_shown() -> None:
    """Neither by the settings nor by an error about them."""
    found = settings(checkpoint_key=CANARY)
    assert CANARY not in f"{found!r} {found} {found.model_dump()} {found.model_dump_json()}"
    assert found.checkpoint_key.get_secret_value() == CANARY
    assert CANARY not in complaint(checkpoint_key=CANARY, timer_window="x")[0]


def test_the_interval_of_idle_checkpoints_is_a_duration() -> None:
    """An hour unless it is set."""
    assert settings().checkpoint_every == 3600
    assert settings(checkpoint_every="15m").checkpoint_every == 900
    assert "NIGHTDROP_CHECKPOINT_EVERY" in complaint(checkpoint_every="never")[0]


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("6h", 21_600), ("2d", 172_800)])
def test_the_validity_of_a_job_is_a_duration(text: str, seconds: int) -> None:
    """As a spec writes it."""
    assert settings(valid_for=text).valid_for == seconds


@pytest.mark.parametrize(
    ("text", "days"), [("", 90), ("31d", 31), ("365d", 365), ("3650d", 3650), ("744h", 31)]
)
def test_the_retention_of_a_closed_delivery_is_a_duration(text: str, days: int) -> None:
    """90 days unless it is set."""
    assert settings(remember_for=text).remember_for == days * 86_400


@pytest.mark.parametrize("text", ["30d", "1h", "3651d", "0d", "forever"])
def test_a_delivery_that_may_still_run_is_never_forgotten(text: str) -> None:
    """A delivery is known for longer than a job is valid and than the bucket scan looks back."""
    (line,) = complaint(remember_for=text)
    assert line.startswith("NIGHTDROP_REMEMBER_FOR: must be ")
    assert text in {"forever", "0d"} or "more than 30 days" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [("valid_for", "6"), ("valid_for", "31d"), ("settle_after", "-1"), ("settle_after", "86401"),
     ("senders", "0"), ("senders", "65"), ("request_timeout", "0")],
)  # fmt: skip
def test_an_impossible_time_or_number_is_refused(name: str, value: str) -> None:
    """By name."""
    (line,) = complaint(**{name: value})
    assert line.startswith(f"NIGHTDROP_{name.upper()}: ")


def test_the_defaults_cause_no_warning() -> None:
    """They fit together."""
    assert settings_warnings(settings()) == ()


@pytest.mark.parametrize(
    ("settle_after", "timeout", "doubtful"),
    [("910", "10", False), ("909", "10", True), ("0", "10", True), ("1200", "300", False),
     ("1199", "300", True)],
)  # fmt: skip
def test_settling_before_a_request_must_have_landed_causes_a_warning(
    settle_after: str, timeout: str, *, doubtful: bool
) -> None:
    """It is allowed, for tests; a job may then be created twice."""
    found = settings_warnings(settings(settle_after=settle_after, request_timeout=timeout))
    assert len(found) == doubtful
    assert all("NIGHTDROP_SETTLE_AFTER" in doubt and "twice" in doubt for doubt in found)
    assert LONGEST_FLIGHT == 900


@pytest.mark.parametrize(("valid_for", "doubtful"), [("20m", True), ("21m", False)])
def test_a_validity_that_ends_before_settling_causes_a_warning(
    valid_for: str, *, doubtful: bool
) -> None:
    """The job would expire instead of being sent again."""
    found = settings_warnings(settings(valid_for=valid_for))
    assert len(found) == doubtful
    assert all("NIGHTDROP_VALID_FOR" in doubt for doubt in found)


@pytest.mark.parametrize(
    ("prefix", "results", "refused"),
    [
        ("drop/", "obs://bkt-b/results/", False),
        ("drop/", "obs://bkt-b/drop/results/", False),
        ("drop/", "obs://bkt-b/drop/", True),
        ("drop/in/", "obs://bkt-b/drop/", True),
        ("drop/", "obs://bkt-b", True),
        ("", "obs://bkt-b/results/", False),
        ("drop/", "obs://other/drop/", False),
        ("drop/", None, False),
    ],
)
def test_results_may_not_cover_what_is_watched(
    prefix: str, results: str | None, *, refused: bool
) -> None:
    """Every dropped file would be taken for a result."""
    given = {"buckets": "bkt-b", "prefix": prefix, "results": results}
    if refused:
        assert complaint(**given) == [
            "NIGHTDROP_RESULTS: contains NIGHTDROP_PREFIX: every dropped file would be ignored"
        ]
    else:
        assert settings(nothing, **given).buckets == ("bkt-b",)


@pytest.mark.parametrize("given", ["obs://logs/nightdrop", "obs://logs/nightdrop/"])
def test_a_log_in_a_bucket_has_a_prefix(given: str) -> None:
    """It ends with a slash."""
    assert settings(audit=given).audit == "obs://logs/nightdrop/"


@pytest.mark.parametrize(
    ("audit", "problem"),
    [
        ("obs://drop/specs/log", "NIGHTDROP_AUDIT: is under NIGHTDROP_PREFIX"),
        ("obs://drop/results/", "NIGHTDROP_RESULTS: overlaps NIGHTDROP_AUDIT"),
        ("obs://drop/results/log/", "NIGHTDROP_RESULTS: overlaps NIGHTDROP_AUDIT"),
        ("obs://drop/log/", ""),
        ("obs://other/specs/log/", ""),
    ],
)
def test_a_log_where_specs_are_dropped_is_refused(audit: str, problem: str) -> None:
    """Each record would be an event of its own, and each event a record."""
    places = {"buckets": "drop", "prefix": "specs/", "results": "obs://drop/results/"}
    if not problem:
        assert settings(nothing, **places, audit=audit).audit == audit
        return
    (line,) = complaint(**places, audit=audit)
    assert line.startswith(problem)


def test_the_address_of_the_log_is_not_printed_with_the_settings() -> None:
    """It may hold a password."""
    assert CANARY not in repr(settings(audit=f"postgresql://user:{CANARY}@host/db"))


@pytest.mark.parametrize("name", ["audit", "results", "checkpoints"])
def test_keys_in_the_address_of_a_bucket_are_refused_and_not_shown(name: str) -> None:
    """They belong in the agency, or in the environment of a local run."""
    (line,) = complaint(**{name: f"obs://KEY:{CANARY}@bucket/prefix/"})
    assert CANARY not in line


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("max_spec_bytes", "3000000", "at most 2097152"),
        ("senders", "9" * 5000, "a whole number of fewer digits"),
        ("request_timeout", "0", "above 0"),
        ("request_timeout", "nan", "at most 300"),
        ("breaker", "0", "above 0"),
        ("breaker", "2", "at most 1"),
        ("breaker_jobs", "0", "at least 1"),
        ("eventgrid_keys", "cooked", "one of 'encoded', 'raw'"),
        ("audit_mount", "yes", "'single-instance'"),
    ],
)
def test_a_number_or_a_word_out_of_bounds_is_reported_with_the_allowed_ones(
    name: str, value: str, rule: str
) -> None:
    """In one sentence, whatever is wrong with it."""
    assert complaint(**{name: value}) == [f"NIGHTDROP_{name.upper()}: must be {rule}"]


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("settle_after", "20m", ("must be a whole number: seconds after",)),
        ("max_spec_bytes", "many", ("must be a whole number: largest", "in bytes")),
        ("timer_window", "1.5", ("must be a whole number: seconds within",)),
        ("breaker", "50%", ("must be a number: ", "above 0, such as 0.5; 1 is never")),
    ],
)
def test_what_is_no_number_is_answered_with_what_the_number_means(
    name: str, value: str, parts: tuple[str, ...]
) -> None:
    """Its unit and its range are in the setting's description."""
    [line] = complaint(**{name: value})
    assert all(part in line for part in parts)


def test_an_ambiguous_address_of_postgresql_is_reported_with_all_other_errors() -> None:
    """Before anything is connected to, and without what may be a password."""
    messages = complaint(audit=f"postgresql://user:{CANARY}@x@host/db", senders="0")
    assert [line.split(":")[0] for line in messages] == ["NIGHTDROP_AUDIT", "NIGHTDROP_SENDERS"]
    assert messages[0].endswith("with %-escapes for all characters but letters and digits")
    assert CANARY not in messages[0]


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ("obs://drop/specs/policy.yaml", "is under NIGHTDROP_PREFIX"),
        ("obs://drop/results/policy.yaml", "overlaps NIGHTDROP_RESULTS"),
        ("obs://drop/", "must be obs://bucket/key"),
        ("https://drop/policy.yaml", "must be the path of a file, or obs://bucket/key"),
        ("obs://drop/policy.yaml", ""),
        ("obs://other/specs/policy.yaml", ""),
        ("/etc/nightdrop/policy.yaml", ""),
    ],
)
def test_a_user_who_drops_specs_writes_neither_policy_nor_facts(policy: str, problem: str) -> None:
    """Neither as a spec, nor as the result file of one."""
    places = {"buckets": "drop", "prefix": "specs/", "results": "obs://drop/results/"}
    if not problem:
        assert settings(nothing, **places, policy=policy, facts=policy).policy == policy
        return
    lines = complaint(**places, policy=policy, facts=policy)
    assert sorted(line.partition(f": {problem}")[0] for line in lines) == [
        "NIGHTDROP_FACTS",
        "NIGHTDROP_POLICY",
    ]


def test_a_relative_path_starts_at_the_functions_code() -> None:
    """On FunctionGraph; on this machine it starts at the current folder."""
    environ = {
        "NIGHTDROP_REGION": "cn-north-4",
        "NIGHTDROP_PROJECT_ID": "project",
        "NIGHTDROP_AUDIT": "obs://logs/log/",
        "NIGHTDROP_POLICY": "policy.yaml",
        "NIGHTDROP_FACTS": "facts.json",
    }
    assert load(nothing, environ).policy == "policy.yaml"
    found = load(nothing, {**environ, "RUNTIME_CODE_ROOT": "/code"})
    assert (found.policy, found.facts) == ("/code/policy.yaml", "/code/facts.json")


TOPIC = f"urn:smn:cn-east-3:{'0' * 32}:alarms"
KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


def test_a_topic_gives_the_endpoint_of_its_region() -> None:
    """It need not be in the region of the fleet."""
    assert settings(notify=TOPIC).smn_endpoint == "https://smn.cn-east-3.myhuaweicloud.com"
    local = settings(notify=TOPIC, smn_endpoint="http://127.0.0.1:8071")
    assert local.smn_endpoint == "http://127.0.0.1:8071"
    assert settings().smn_endpoint == ""


def test_a_webhook_needs_a_key_and_neither_is_shown() -> None:
    """What anyone may send is worth nothing to its receiver."""
    url = f"https://hooks.example.com/{CANARY}"
    (line,) = complaint(notify=url)
    assert line.startswith("NIGHTDROP_NOTIFY_KEY is missing: a webhook")
    found = settings(notify=url, notify_key=KEY)
    assert found.notify_key.get_secret_value() == KEY
    assert not [word for word in (CANARY, KEY) if word in repr(found)]
    wrong = complaint(notify=f"http://example.com/{CANARY}", notify_key=CANARY)
    assert len(wrong) == 2
    assert CANARY not in str(wrong)


@pytest.mark.parametrize("name", ["project_id", "ief_instance", "ief_endpoint"])
def test_a_line_break_in_what_requests_are_made_of_is_reported(name: str) -> None:
    """With the setting, not as a header that is refused later."""
    value = "https://ief.example.com\nx" if name == "ief_endpoint" else "a\nb"
    (line,) = complaint(**{name: value})
    assert line.startswith(f"NIGHTDROP_{name.upper()}: has a character that")
