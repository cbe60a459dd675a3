"""Whether the configuration says what the provider understands, and refers to what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.terraform.configuration import Configuration, written
from tests.support.terraform.provider import LIFECYCLE, META, RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.terraform.provider import Schema


def contract(infra: Path) -> Iterator[str]:
    """Yield a sentence for each breach in a deployment's files."""
    root, shape = Configuration(infra), Configuration(infra / "shape")
    for resource in root.resources():
        if resource.type not in RESOURCES:
            yield f"{resource.address}: the provider has no such resource"
            continue
        yield from _block(resource.address, RESOURCES[resource.type], resource.body, META)
    yield from _call("module.shape", root.module("shape"), shape)
    for example in sorted(path for path in infra.glob("examples/*") if path.is_dir()):
        call = Configuration(example).module("nightdrop")
        yield from _call(f"examples/{example.name}", call, root)
    yield from _references(root, shape)
    yield from _own(root, "infra")
    yield from _own(shape, "infra/shape")


def _block(
    place: str, schema: Schema, body: Mapping[str, Any], meta: frozenset[str] = frozenset()
) -> Iterator[str]:
    arguments = written(body)
    for name in sorted(arguments.keys() - schema.known - meta):
        yield f"{place}: no argument {name}"
    for name in sorted(schema.required - arguments.keys()):
        yield f"{place}: {name} is missing"
    for name, inner in {**schema.blocks, "lifecycle": LIFECYCLE}.items():
        for block in arguments.get(name, ()):
            yield from _block(f"{place}.{name}", inner, block)


def _call(place: str, arguments: dict[str, Any], module: Configuration) -> Iterator[str]:
    variables = {name: body for block in module.blocks("variable") for name, body in block.items()}
    needed = {name for name, body in variables.items() if "default" not in body}
    given = arguments.keys() - {"source", *META}
    for name in sorted(given - variables.keys()):
        yield f"{place}: no variable {name}"
    for name in sorted(needed - given):
        yield f"{place}: {name} is missing"


def _references(root: Configuration, shape: Configuration) -> Iterator[str]:
    outputs = shape.names("output")
    for (name,) in sorted(root.matches(r"\bmodule\.shape\.(\w+)")):
        if name not in outputs:
            yield f"module.shape.{name}: no such output"
    known = {(resource.type, resource.name) for resource in root.resources()}
    pattern = r"\b(huaweicloud_\w+)\.(\w+)(?:\[[^]]*\])?(?:\.(\w+))?"
    for kind, name, attribute in sorted(root.matches(pattern), key=str):
        if (kind, name) not in known:
            yield f"{kind}.{name}: no such resource here"
        elif attribute and attribute not in RESOURCES[kind].attributes | RESOURCES[kind].known:
            yield f"{kind}.{name}: no attribute {attribute}"


def _own(module: Configuration, place: str) -> Iterator[str]:
    declared, used = module.names("variable"), {n for (n,) in module.matches(r"\bvar\.(\w+)")}
    for name in sorted(used - declared):
        yield f"{place}: no variable {name}"
    for name in sorted(declared - used):
        yield f"{place}: variable {name} is used nowhere"
    local = {name for block in module.blocks("locals") for name in written(block)}
    for (name,) in sorted(module.matches(r"\blocal\.(\w+)")):
        if name not in local:
            yield f"{place}: no local {name}"
