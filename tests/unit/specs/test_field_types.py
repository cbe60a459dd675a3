"""Field types: limits on texts, each with its sentence."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from handler.specs.field_types import (
    NOT_RENDERED,
    EnvName,
    Id,
    Image,
    Line,
    Name,
    NodeName,
    Note,
    TextRule,
)

CHECK = TypeAdapter(Name)
RULES = {
    "id": TypeAdapter(Id),
    "image": TypeAdapter(Image),
    "node name": TypeAdapter(NodeName),
    "env name": TypeAdapter(EnvName),
    "note": TypeAdapter(Note),
    "line": TypeAdapter(Line),
}
DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def message(rule: TextRule, text: str) -> str:
    """Return the sentence about a text that breaks a rule."""
    with pytest.raises(PydanticCustomError) as caught:
        rule.check(text)
    return str(caught.value)


def test_a_text_that_is_too_long_is_counted() -> None:
    """The sentence has both numbers."""
    assert message(TextRule(26), "a" * 31) == "31 characters, the API allows 26"


def test_an_empty_text_is_reported_as_empty() -> None:
    """The allowed characters are not explained then."""
    assert message(TextRule(26, "[a-z]+", "only letters"), "") == "is empty"


def test_a_text_can_be_wrong_in_two_ways_at_once() -> None:
    """Both are in one message."""
    assert message(TextRule(2, "[a-z]+", "only letters"), "123") == (
        "3 characters, the API allows 2; only letters"
    )


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a--b", "n" * 26])
def test_the_names_of_the_apis_pattern_pass(name: str) -> None:
    """The rule is `[a-z0-9]([a-z0-9-]{0,24}[a-z0-9])?`."""
    assert CHECK.validate_python(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "-", "A", "a_b", "a b", "ä", "a\n", "n" * 27])
def test_other_names_do_not(name: str) -> None:
    """A trailing newline is part of the name, too."""
    with pytest.raises(ValidationError):
        CHECK.validate_python(name)


def test_the_schema_says_what_the_rule_checks() -> None:
    """Editors learn the same limits."""
    assert CHECK.json_schema() == {
        "type": "string",
        "minLength": 1,
        "maxLength": 26,
        "pattern": "^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)$",
    }


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("id", "5a0f7c52-8e7b-4a57-9d43-1c1f0b8e2d11"), ("id", "gateway-7"), ("id", "n"),
        ("id", "a.b_c"), ("node name", "gateway-north-1"), ("node name", "网关_1"),
        ("env name", "FRAMES_PER_SECOND"), ("env name", "_x1"),
        ("line", "/var/lib/my data"), ("line", "größe"),
        ("image", "nginx"), ("image", "nginx:alpine"), ("image", "library/nginx"),
        ("image", "localhost/a"), ("image", "localhost:5000/a/b_c__d-e--f.g:1.10"),
        ("image", "Registry.example.com:443/a:V1"), ("image", "[2001:db8::1]:5000/a"),
        ("image", f"a@{DIGEST}"), ("image", f"r.io/a:1@{DIGEST}"),
        ("image", "swr.cn-north-4.myhuaweicloud.com/dock/camera-reader:2.4.0"),
    ],
)  # fmt: skip
def test_names_that_the_documentation_allows_pass(rule: str, text: str) -> None:
    """Ids, names and image references as the API, OCI and the samples have them."""
    assert RULES[rule].validate_python(text) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        *[("id", text) for text in (
            "", " ", "\u3000", "n1 ", " n1", "n 1", "n1\xa0", "n1\u200b", "\u200dn1", "x" * 65,
            "\u201cn1\u201d", "a,b", "a;b", "a\nb", "a\n", '"a"', "-a", ".", "../a", "a/b",
            "n1\x00", "\uff4e1", "n\u0430",
        )],
        *[("image", text) for text in (
            "", ":latest", "a b", " a", "a ", "https://r.io/a", "docker://a", "r.io/", "r.io/:1",
            "/a", "a//b", "A", "r.io/Camera", "a:", "a:b:c", "a:-1", f"a:{'t' * 129}", "a@sha256:1",
            "a\n", "a\u200b", "a_-b", "-a/b", "r.io:port/a", "{{ image }}", "a,b",
        )],
        *[("node name", text) for text in ("", "a b", "a.b", "a\u200b", "\u201ca\u201d", "x" * 65)],
        *[("env name", text) for text in ("", "1A", "A B", "A=B", "A-B", "é")],
        *[("note", text) for text in ("a\x00", "a\x1b[0m", "a\rb", "a\u202eb", "a\u200b")],
        *[("line", text) for text in ("", " a", "a ", "a\nb", "a\x1b[0m", "a\u202eb", "a\u2060")],
    ],
)  # fmt: skip
def test_impossible_names_are_refused(rule: str, text: str) -> None:
    """Blanks, invisible characters, quotes, commas, schemes and empty names name nothing."""
    with pytest.raises(ValidationError):
        RULES[rule].validate_python(text)


@pytest.mark.parametrize(
    "text", ["{{ image }}", "r.io/${NAME}:1", "{% if x %}a{% endif %}", "<%= x"]
)
def test_a_placeholder_is_reported_as_one(text: str) -> None:
    """The text is no bad image, it is a template."""
    with pytest.raises(ValidationError) as caught:
        RULES["image"].validate_python(text)
    assert caught.value.errors()[0]["msg"] == NOT_RENDERED


@pytest.mark.parametrize("digest", ["sha256:1", "sha256", "", f"sha256:{'g' * 64}", "1:" + DIGEST])
def test_a_bad_digest_of_an_image_is_reported_as_such(digest: str) -> None:
    """The rest of the reference is correct."""
    with pytest.raises(ValidationError, match="the digest after the @ is wrong"):
        RULES["image"].validate_python(f"r.io/a:1@{digest}")


def test_another_error_of_an_image_is_not_attributed_to_its_digest() -> None:
    """Whatever its digest is like."""
    with pytest.raises(ValidationError, match="must be an image reference"):
        RULES["image"].validate_python(f"r.io/A:1@{DIGEST}")
