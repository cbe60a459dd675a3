"""What `nightdrop policy explain` says of a rule."""

from __future__ import annotations

import pytest

from handler.policy.policy_file import read_policy
from handler.policy.sentences import rule_sentences


def said(rule: str) -> str:
    """Return the sentences about a rule, given as YAML in braces."""
    return "\n".join(rule_sentences(1, read_policy(f"rules: [{{{rule}}}]".encode()).rules[0]))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("kinds: []", "kinds of jobs: none"),
        ("nodes: [gw-1]", "kinds of jobs: all"),
        ("kinds: [node_upgrade]", "kinds of jobs: node_upgrade"),
        ("images: []", "images: none"),
        ("nodes: [gw-1]", "not allowed: privileged containers"),
    ],
)
def test_a_list_that_is_empty_allows_nothing(rule: str, sentence: str) -> None:
    """One that is missing is the default."""
    assert sentence in said(rule)
