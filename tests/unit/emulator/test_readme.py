"""The emulator's README agrees with the emulator."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree.ElementTree import fromstring

import pytest
import urllib3

from handler.cli.dev.emulator import emulator as command
from handler.emulator import server
from handler.emulator.ief import operations as ief
from handler.emulator.ief.fleet_file import DEMO_FLEET, read_fleet
from handler.emulator.ief.node_entry import NodeEntry
from handler.emulator.obs import operations as obs
from handler.emulator.server import Emulator
from handler.emulator.smn import operations as smn

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(server.__file__).with_name("README.md").read_text(encoding="utf-8")


def documented() -> Iterator[tuple[str, str, str]]:
    """Yield each curl command with its answer and its status, in their order."""
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for part in block.split("$ ")[1:]:
            line, *answer, status = part.strip().split("\n")
            yield line, "\n".join(answer), status


def run(line: str, url: str) -> tuple[str, str]:
    """Send the request of a curl command to an emulator; return the answer and the status."""
    words = iter(shlex.split(line)[1:])
    method, body, path, headers = "GET", None, "", {}
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            method, body = "POST", next(words)
        elif word == "-X":
            method = next(words)
        else:
            address = urlsplit(word)
            assert address.netloc == "127.0.0.1:8071"
            path = f"{address.path}?{address.query}"
    try:
        answer = urllib3.request(
            method, url + path, body=body, headers=headers, timeout=10, retries=False
        )
    except urllib3.exceptions.ProtocolError:
        return "", "000"
    return answer.data.decode(), str(answer.status)


def keys(text: str) -> object:
    """Return the names in an answer of JSON or XML: values may differ from run to run."""
    if text.startswith("<"):
        return [element.tag for element in fromstring(text).iter()]  # noqa: S314 - our own answers
    return _names(json.loads(text)) if text else None


def _names(value: object) -> object:
    if isinstance(value, dict):
        return {name: _names(inside) for name, inside in value.items()}
    return [_names(inside) for inside in value] if isinstance(value, list) else None


def test_every_documented_request_is_answered_as_documented() -> None:
    """With the same status and the same keys; those on which faults act are among them."""
    examples = list(documented())
    with Emulator() as emulator:
        found = [run(line, emulator.url) for line, _, _ in examples]
    assert len(examples) >= 15
    for (line, text, status), (answer, answered) in zip(examples, found, strict=True):
        assert (line, answered) == (line, status)
        assert (line, keys(answer)) == (line, keys(text))


def test_every_operation_is_listed() -> None:
    """And none that is not there."""
    table = README.partition("## Supported operations")[2].partition("\n\nA fault")[0]
    assert set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", table)) == ief.NAMES | obs.NAMES | smn.NAMES


def test_the_documented_fleets_are_fleets(tmp_path: Path) -> None:
    """One node with its fields, and the file with many nodes."""
    single, many = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "fleet.yaml").write_text(single)
    [node] = read_fleet(tmp_path / "fleet.yaml").nodes
    assert (node.name, node.groups, node.arch) == ("gateway-north-1", ("g-docks",), "aarch64")
    file = DEMO_FLEET.with_name("large_fleet.yaml")
    assert file.read_text() == file.read_text().partition("\n")[0] + f"\n{many}"
    assert len(read_fleet(file).nodes) == 10_000


def test_every_field_of_a_fleet_is_described() -> None:
    """In one of the two examples or in the table."""
    described = set(re.findall(r"\b([a-z_]+):", README.partition("## The fleet file")[2]))
    assert set(NodeEntry.model_fields) <= described


@pytest.mark.parametrize("line", re.findall(r"^nightdrop emulator .*", README, re.MULTILINE))
def test_every_documented_option_exists(line: str) -> None:
    """So that a renamed one is noticed."""
    own = line.partition(" -- ")[0].partition("#")[0]
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", own)) <= known
