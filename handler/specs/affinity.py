"""Where a deployment's instances may run: the affinity rules of the API's page, with their types.

The names are Kubernetes's own, which the API takes over.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from handler.specs.field_types import OPEN, AnyLine, Line, omitted

OPEN_CAMEL = ConfigDict(**OPEN, alias_generator=to_camel)

Weight = Annotated[int, Field(ge=1, le=100)]


class Expression(BaseModel):
    """One condition on a label."""

    model_config = OPEN_CAMEL

    key: Line = Field(description="The label.")
    operator: Line = Field(description="In, NotIn, Exists, DoesNotExist, Gt or Lt.")
    values: list[AnyLine] = Field(default_factory=omitted, description="Its values, in quotes.")


class Expressions(BaseModel):
    """Conditions that all must hold."""

    model_config = OPEN_CAMEL

    match_expressions: list[Expression] = Field(default_factory=omitted, description="Conditions.")


class Selector(Expressions):
    """Conditions on the labels of instances."""

    match_labels: dict[str, AnyLine] = Field(
        default_factory=omitted, description="Label and value."
    )


class PodTerm(BaseModel):
    """Which instances are selected, and what counts as near them."""

    model_config = OPEN_CAMEL

    label_selector: Selector = Field(default_factory=omitted, description="Which instances.")
    namespaces: list[Line] = Field(default_factory=omitted, description="In which name spaces.")
    topology_key: AnyLine = Field(default="", description="The label that says what is near.")


class PreferredNode(BaseModel):
    """A preference for nodes, with its weight."""

    model_config = OPEN_CAMEL

    preference: Expressions = Field(default_factory=omitted, description="Which nodes.")
    weight: Weight = Field(default=1, description="From 1 to 100.")


class PreferredPod(BaseModel):
    """A preference for being near instances, with its weight."""

    model_config = OPEN_CAMEL

    pod_affinity_term: PodTerm = Field(default_factory=omitted, description="Which instances.")
    weight: Weight = Field(default=1, description="From 1 to 100.")


class NodeTerms(BaseModel):
    """Conditions on nodes, one of which must hold."""

    model_config = OPEN_CAMEL

    node_selector_terms: list[Expressions] = Field(
        default_factory=omitted, description="Conditions, one of which must hold."
    )


class NodeAffinity(BaseModel):
    """Which nodes are wanted or needed."""

    model_config = OPEN_CAMEL

    preferred_during_scheduling_ignored_during_execution: list[PreferredNode] = Field(
        default_factory=omitted, description="Wishes."
    )
    required_during_scheduling_ignored_during_execution: NodeTerms = Field(
        default_factory=omitted, description="Conditions that must hold."
    )


class PodAffinity(BaseModel):
    """Which instances are wanted or needed near, or far."""

    model_config = OPEN_CAMEL

    preferred_during_scheduling_ignored_during_execution: list[PreferredPod] = Field(
        default_factory=omitted, description="Wishes."
    )
    required_during_scheduling_ignored_during_execution: list[PodTerm] = Field(
        default_factory=omitted, description="Conditions that must hold."
    )


class Affinity(BaseModel):
    """Affinity to nodes and to other instances (enterprise edition)."""

    model_config = OPEN_CAMEL

    node_affinity: NodeAffinity = Field(default_factory=omitted, description="To nodes.")
    pod_affinity: PodAffinity = Field(default_factory=omitted, description="To instances.")
    pod_anti_affinity: PodAffinity = Field(
        default_factory=omitted, description="Away from instances."
    )
