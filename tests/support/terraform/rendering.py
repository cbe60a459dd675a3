"""The shape of a deployment as Terraform computes it, which takes no provider and no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TERRAFORM = shutil.which("terraform")

_MIRRORS = "TF_CLI_CONFIG_FILE"
"""Names a file that may say where providers are kept on this machine."""

_ALONE = {
    "CHECKPOINT_DISABLE": "1",
    "TF_IN_AUTOMATION": "1",
    # Enough for a plan of what is new, for which the provider makes no request.
    "HW_ACCESS_KEY": "invented",
    "HW_SECRET_KEY": "invented",
    "HW_PROJECT_ID": "0" * 32,
    "HW_DOMAIN_ID": "invented",
    "HW_DOMAIN_NAME": "invented",
    "TF_VAR_checkpoint_key": "invented",
    "TF_VAR_database_password": "Invented-0",
    "TF_VAR_function_password": "Invented-1",
}

LEAST: dict[str, Any] = {
    "region": "cn-north-4",
    "project_id": "",
    "name": "nightdrop",
    "bucket_prefix": "depots",
    "runtime": "Python3.10",
    "memory_size": 512,
    "timeout": 300,
    "initializer_timeout": 60,
    "max_instances": 20,
    "drop_prefix": "drop/",
    "spec_days": 90,
    "results_bucket": "",
    "results_prefix": "results/",
    "policy": "",
    "timers": {},
    "tick_minutes": 5,
    "eventgrid": None,
    "obs_events": ["s3:ObjectCreated:*"],
    "retries": 3,
    "event_age": 21600,
    "settings": {},
    "topic": "",
    "webhook": None,
    "summary": "",
    "checkpoint_key": "",
    "database_address": "",
    "in_vpc": False,
}
"""What the root hands over when only what it must be given is given."""

MOST: dict[str, Any] = LEAST | {
    "project_id": "a" * 32,
    "policy": "rules: [{}]",
    "timers": {
        "inline": {
            "cron": "CRON_TZ=Asia/Shanghai 0 0 2 * * *",
            "spec": json.dumps(
                {"kind": "node_upgrade", "name": "depots", "targets": {"nodes": [{"id": "n-1"}]}}
            ),
            "enabled": True,
        },
        "stored": {
            "cron": "0 30 3 ? * SUN",
            "spec": '{"spec": "obs://depots-drop/standing/cameras.yaml"}',
            "enabled": False,
        },
    },
    "eventgrid": {"channel_id": "c-1", "channel_name": "default", "agency": "nightdrop-eventgrid"},
    "settings": {"NIGHTDROP_SENDERS": "32", "NIGHTDROP_VALID_FOR": "4h"},
    "topic": f"urn:smn:cn-north-4:{'a' * 32}:nightdrop-given-up",
    "summary": "CRON_TZ=Asia/Shanghai 0 0 7 * * *",
    "checkpoint_key": "a key",
    "database_address": "postgresql://nightdrop:word@10.83.0.10:5432/nightdrop?sslmode=require",
    "in_vpc": True,
}
"""What it hands over when everything is asked for."""


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: its exit status and output."""

    status: int
    text: str


def terraform(*arguments: str, at: Path) -> CommandResult:
    """Run Terraform in a folder, with nothing of the user's but where providers are mirrored."""
    kept = {name: os.environ[name] for name in (_MIRRORS, "PATH") if name in os.environ}
    done = subprocess.run(
        [str(TERRAFORM), *arguments],
        cwd=at,
        env={**kept, **_ALONE, "HOME": str(at)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return CommandResult(done.returncode, done.stdout)


def rendered(shape: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of the shape for these variables.

    Raises:
        ValueError: Terraform refuses them.
    """
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        for path in shape.glob("*.tf"):
            shutil.copy(path, folder)
        (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        applied = terraform("apply", "-auto-approve", "-no-color", "-input=false", at=folder)
        if applied.status:
            raise ValueError(applied.text)
        state = json.loads((folder / "terraform.tfstate").read_text())
    return {name: output["value"] for name, output in state["outputs"].items()}
