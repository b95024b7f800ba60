"""What each warning means, worst first. Codes are stable: receipts, studies and scripts name them."""

from collections.abc import Mapping
from typing import Final

EXPLANATIONS: Final[Mapping[str, str]] = {
    # It may do harm, or show the wrong thing.
    "preamble_executable": "under another name this file may run as a program; what we hand on has a preamble of zeros",
    "preamble_document": "this file is also a document, picture or archive; what we hand on has a preamble of zeros",
    "transfer_syntax_mismatch": "the data set is encoded otherwise than its file meta says; what it shows is believed",
    "transfer_syntax_unknown": "no reader knows this transfer syntax; the pixels are kept and cannot be shown",
    "codestream_mismatch": "the frames are compressed otherwise than the transfer syntax says; they may not decode",
    "pixels_irregular": "rows, columns, bits or samples contradict each other; the pixels may not decode",
    "pixels_undescribed": "pixels without rows, columns or bits: nobody can show them",
    "frame_too_large": "a frame is beyond CAUCE_MAX_FRAME_MB: it is kept, and neither measured nor shown",
    "frames_missing": "fewer frames are there than the header says: some were lost on the way, or the header is wrong",
    "frames_surplus": "more frames are there than the header says: readers will show some of them only",
    "number_of_frames_irregular": "the number of frames cannot be read; one is assumed",
    "delimiter_missing": "compressed pixels end without their delimiter: the end of the file may be lost",
    "offset_table_wrong": "the offset table points nowhere; frames were found without it, other readers may fail",
    "frames_not_indexed": "single frames cannot be told apart; readers get the whole",
    "pixel_data_longer": "pixel data are longer than the header says; what is left over is not looked at",
    # Whose is it?
    "uid_repeated": "study, series and instance share a UID: archives will mix them up",
    "uid_irregular": "a UID breaks the rules (leading zeros): some archives refuse it",
    "uid_of_standard": "a UID lies below DICOM's own root: whoever made it did not own it, others may have the same",
    "file_meta_mismatch": "the file meta names another object than the data set; the data set is believed",
    # What does it say?
    "type1_missing": "the IOD requires these attributes; viewers and measurements rely on them",
    "type1_empty": "the IOD requires a value for these attributes",
    "type1c_missing": "other attributes of this instance make these required",
    "text_undecodable": "text does not agree with Specific Character Set; names may be wrong, search may not find them",
    "charset_doubtful": "text declared as Latin is UTF-8 by all signs; names may be wrong, search may not find them",
    "charset_unknown": "Specific Character Set names no known repertoire; text is read as best it can be",
    # How is it written?
    "vr_irregular": "an element has no valid VR; other readers may stop there",
    "elements_disordered": "elements are repeated or out of order; of repeated ones the last counts",
    "delimiter_irregular": "a delimiter stands where none belongs",
    "odd_length": "a value has an odd length",
    "trailing_bytes": "bytes that are no element follow the data set; they are kept and not looked at",
    "file_meta_incomplete": "the file meta lacks what it must have",
    "file_meta_length_wrong": "the group length of the file meta is wrong: readers that believe it fail",
    "no_file_meta": "there is no file meta; the transfer syntax was found out from the data set",
    "no_preamble": "there is no preamble; many readers want one",
    "preamble_used": "the preamble is neither zeros nor TIFF; what we hand on has a preamble of zeros",
    "type2_missing": "attributes that may be empty are left out; nothing breaks, matching by them finds nothing",
}
"""Code -> what it means for who receives the file."""

_RANKS: Final = {code: rank for rank, code in enumerate(EXPLANATIONS)}


def rank(code: str) -> int:
    """Return where a warning stands among all, 0 for the worst; unknown ones stand last."""
    return _RANKS.get(code, len(_RANKS))
