"""Lock the bucket of checkpoints against changes: write once, read many, for some days.

The Terraform provider has no such setting, and a lock can never be taken off a bucket again, so
it is a step of its own. Run it once, after the first apply, with OBS_ENDPOINT (such as
https://obs.cn-north-4.myhuaweicloud.com), HW_ACCESS_KEY and HW_SECRET_KEY in the environment:

    python infra/lock_checkpoints.py BUCKET DAYS

Whatever is written from then on can be neither changed nor deleted for DAYS, by nobody. Lock no
other bucket: appends, which the log is made of, are refused where there is a lock.
"""

from __future__ import annotations

import os
import sys

from obs import ObsClient
from obs.model import ObjectLockRule

_REFUSED = 300


def main() -> None:
    """Set the bucket's lock, and say what it is afterwards."""
    bucket, days = sys.argv[1], int(sys.argv[2])
    client = ObsClient(
        access_key_id=os.environ["HW_ACCESS_KEY"],
        secret_access_key=os.environ["HW_SECRET_KEY"],
        server=os.environ["OBS_ENDPOINT"],
    )
    try:
        answer = client.setBucketObjectLock(bucket, ObjectLockRule(days=days, mode="COMPLIANCE"))
        if answer.status >= _REFUSED:
            sys.exit(f"{bucket} is not locked: {answer.errorCode or answer.status}")
        sys.stdout.write(f"{bucket}: what is written from now on is locked for {days} days\n")
    finally:
        client.close()


if __name__ == "__main__":
    main()
