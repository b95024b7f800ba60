"""The table of transfer syntaxes in docs/reference/dicomweb.md is the one that the code goes by."""

from documents import ROOT

from cauce.core.transfer_syntaxes import TRANSFER_SYNTAXES, Pixels

PAGE = ROOT / "docs" / "reference" / "dicomweb.md"
HEAD = ("| transfer syntax | UID | media type of a frame | read | written |", "|---|---|---|---|---|")


def row(one):
    name = one.name + (" (retired)" if one.is_retired else "")
    kind = f"`{one.media_type}`" + (" (default)" if one.is_default else "") if one.media_type else ""
    read = {True: "yes", False: "pictures only" if one.pixels is Pixels.VIDEO else "no"}[one.decodes]
    written = "yes" if one.encodes else "no"
    if one.encodes and not one.is_lossless:
        written = "without loss"
    if not one.is_served:
        written = "only whole instances, where asked for by name"
    return f"| {name} | `{one.uid}` | {kind} | {read} | {written} |"


def test_the_page_lists_every_transfer_syntax_as_the_code_has_it():
    lines = PAGE.read_text(encoding="utf-8").split("## Transfer syntaxes", 1)[1].split("\n## ", 1)[0].splitlines()
    start = lines.index(HEAD[0])
    table = [line for line in lines[start:] if line.startswith("|")]
    assert table == [*HEAD, *map(row, TRANSFER_SYNTAXES)]
