"""`python peers.py PART NAME IN OUT`: de-identify the files of a folder by one of the other tools, on one core.

It runs in an environment that holds the others and not ours; it says that it is ready, and begins when it is told to.
"""

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom

Run = Callable[[Path, Path], object]


def _plain() -> Run:
    return lambda source, target: pydicom.dcmread(source).save_as(target)


def _dicom_anonymizer() -> Run:
    from dicomanonymizer import anonymize_dicom_file

    return lambda source, target: anonymize_dicom_file(str(source), str(target))


def _deid() -> Run:
    os.environ["MESSAGELEVEL"] = "QUIET"
    from deid.config import DeidRecipe
    from deid.dicom import replace_identifiers

    recipe = DeidRecipe()

    def run(source: Path, target: Path) -> None:
        replace_identifiers(str(source), deid=recipe, remove_private=True)[0].save_as(target)

    return run


def _dicognito() -> Run:
    from dicognito.anonymizer import Anonymizer

    anonymizer = Anonymizer(seed="benchmark")

    def run(source: Path, target: Path) -> None:
        ds = pydicom.dcmread(source)
        anonymizer.anonymize(ds)
        ds.save_as(target)

    return run


def _dentdeid() -> Run:
    from dentdeid.dicom.meta import MetaConfig, deidentify_dataset
    from dentdeid.keys import Pseudonymizer

    config, pseudonymizer = MetaConfig(), Pseudonymizer(b"k" * 32)

    def run(source: Path, target: Path) -> None:
        ds = pydicom.dcmread(source)
        deidentify_dataset(ds, config, pseudonymizer)
        ds.save_as(target)

    return run


TOOLS = {
    "pydicom, read and write alone": _plain,
    "dicom-anonymizer": _dicom_anonymizer,
    "pydicom/deid": _deid,
    "dicognito": _dicognito,
    "dentdeid": _dentdeid,
}


def main() -> None:
    """Do the part of the work that the command line names, and print how long it took."""
    part, name, source, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable()
    number, of = map(int, part.split("/"))
    paths = sorted(Path(source).iterdir())[number::of]
    run = TOOLS[name]()
    run(paths[0], Path(target) / paths[0].name)
    print("ready", flush=True)
    sys.stdin.readline()
    wall, cpu = time.perf_counter(), time.process_time()
    for path in paths:
        run(path, Path(target) / path.name)
    print(json.dumps({"files": len(paths), "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
