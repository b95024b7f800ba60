"""What a platform's data folder holds, read beside it: `held`, or `held_data.py [--sweep] [--all]` as a program.

Expected are instances, SOP Instance UID to the SHA-256 of the file that was sent, or of its data set alone.
Of the files in the spool `presence` does not count: it is a lock that stays, and empty.
`--sweep` removes first what nothing refers to; `--all` compares every original with the digest taken at its arrival.
"""

import hashlib
import json
import subprocess
import sys

from cauce import bootstrap
from cauce.core.errors import CauceError
from cauce.core.statuses import Space


def held(platform, expected, *options):
    """Look into the data folder in a process that has its settings and keys."""
    done = subprocess.run(
        [sys.executable, __file__, *options],
        env=platform.environ,
        input=json.dumps(expected),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main():
    bootstrap.setup("tests")
    services = bootstrap.services()
    if "--sweep" in sys.argv:
        from cauce import flow
        from cauce.core.actors import Actor

        flow.sweep(services, actor=Actor.platform(), older_than_s=0)
    spool = bootstrap.environment.current().spool_folder
    answer = {
        "wrong": wrong(services, json.load(sys.stdin)),
        "damaged": damaged(services) if "--all" in sys.argv else [],
        "orphans": sum(len(orphans(services, space)) for space in Space),
        "spooled": len([path for path in spool.rglob("*") if path.is_file() and path.name != "presence"]),
        "integrity": integrity(),
        **counts(),
    }
    json.dump(answer, sys.stdout)


def wrong(services, expected):
    """Return those of the expected instances that are not there bit for bit, with what is there instead."""
    from cauce.records.models import Version

    found = {}
    rows = Version.objects.filter(state="current").values_list(
        "instance__sop_instance_uid", "object_id", "dataset_offset"
    )
    for uid, object_id, dataset_offset in rows:
        if uid in expected:
            try:
                found[uid] = [digest(services, object_id, start).hex() for start in (0, dataset_offset)]
            except CauceError as error:
                found[uid] = [error.code]
    return {uid: found.get(uid, []) for uid, digest in expected.items() if digest not in found.get(uid, [])}


def damaged(services):
    """Return the originals that cannot be read as they arrived."""
    bad = []
    for content in services.holdings.contents():
        try:
            is_good = digest(services, content.object_id, content.dataset_offset) == content.dataset_sha256
        except CauceError:
            is_good = False
        if not is_good:
            bad.append(content.object_id)
    return bad


def digest(services, object_id, start):
    """Return the SHA-256 of an original from `start` on."""
    found = hashlib.sha256()
    with services.objects.open(Space.ORIGINALS, object_id) as source:
        source.seek(start)
        while chunk := source.read(1 << 20):
            found.update(chunk)
    return found.digest()


def orphans(services, space):
    """Return the objects of a space that no row refers to."""
    ids = [info.object_id for info in services.objects.walk(space)]
    referred = set()
    for start in range(0, len(ids), 500):
        referred |= services.holdings.referred_to(space, ids[start : start + 500])
    return set(ids) - referred


def integrity():
    """Return what SQLCipher and SQLite find wrong with the database, after the log has been written back into it."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = [str(row) for row in cursor.execute("PRAGMA cipher_integrity_check").fetchall()]
        found += [row[0] for row in cursor.execute("PRAGMA integrity_check").fetchall() if row[0] != "ok"]
        found += [str(row) for row in cursor.execute("PRAGMA foreign_key_check").fetchall()]
    return found


def counts():
    """Return how many rows there are of what a crash may leave."""
    from cauce.records.models import Instance, Job, UploadItem

    return {
        "instances": Instance.objects.count(),
        "pending": UploadItem.objects.filter(status="pending").count(),
        "dead": Job.objects.filter(status="dead").count(),
    }


if __name__ == "__main__":
    main()
