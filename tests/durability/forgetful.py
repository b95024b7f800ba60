"""`cauce` with one of its syncs left out: `forgetful.py file|directory|commit ROLE …`. Only the tests start it.

What it leaves out it leaves out in the processes of the role as well: they are forked, or begin by running this file.
"""

import sys


def forget(what):
    """Leave one kind of sync out, everywhere in this process."""
    from cauce.adapters import durable_files, objects_local

    if what == "file":
        objects_local.sync_file = lambda _descriptor: None
    elif what == "directory":
        durable_files.sync_directory = objects_local.sync_directory = lambda _path: None
    elif what == "commit":
        from cauce.settings import django

        options = django.DATABASES["default"]["OPTIONS"]
        before = options["init_command"]
        options["init_command"] = before.replace("synchronous=FULL", "synchronous=NORMAL")
        assert options["init_command"] != before
    else:
        raise AssertionError(what)


forget(sys.argv[1])

if __name__ == "__main__":
    from cauce.cli.main import main

    sys.exit(main(sys.argv[2:]))
