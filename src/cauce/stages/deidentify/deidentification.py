"""De-identify one instance: walk, judge the pixels, prove the header, and only then write the first byte."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from cauce.core.file_head import file_head
from cauce.core.identifiers import SeriesInstanceUid, SopInstanceUid, StudyInstanceUid
from cauce.core.limits import Limits
from cauce.core.messages import Deidentified, Pseudonym, Ruling
from cauce.core.statuses import AttentionCause
from cauce.core.transfer_syntaxes import NATIVE
from cauce.stages.deidentify.actions import PIXEL_TAGS, Action
from cauce.stages.deidentify.beside_frames import BesideFrames, Layout, Pixels
from cauce.stages.deidentify.blanking import CANNOT, PIXEL_DATA, Blanking
from cauce.stages.deidentify.cleaning import cleaner_for, likely_cleaner
from cauce.stages.deidentify.dummies import OURS, TEXT
from cauce.stages.deidentify.encoding import EXPLICIT_LITTLE
from cauce.stages.deidentify.fragments import Source, copied, zeros
from cauce.stages.deidentify.inserts import our_elements, written
from cauce.stages.deidentify.options import PIXEL_DATA as CLEAN_PIXEL_DATA
from cauce.stages.deidentify.overlays import is_clean_overlay
from cauce.stages.deidentify.part10 import META_OFFSET, Original, opened
from cauce.stages.deidentify.pixels import (
    Box,
    CleanedPixels,
    PixelCleaner,
    PixelFacts,
    can_be_cleaned,
    is_directory,
    is_worth_a_look,
    pixel_risk_reason,
)
from cauce.stages.deidentify.plan import Plan, plan_for
from cauce.stages.deidentify.profile import BASIC, Profile
from cauce.stages.deidentify.proof import Leak, Proof
from cauce.stages.deidentify.reading import BrokenError, ShortError
from cauce.stages.deidentify.residue import Residue, retained
from cauce.stages.deidentify.rewriting import RootRewriter, Span
from cauce.stages.deidentify.uids import is_well_formed
from cauce.stages.deidentify.walker import Scrub, Walker

DETAIL_LENGTH_MAX = 512
"""So much of a detail is kept, and compared with what a person has decided."""

_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_DOCUMENT = 0x00420011
OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)


class Sink(Protocol):
    """Where the output goes."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


def deidentify_instance(
    source: BinaryIO,
    target: Sink,
    *,
    pseudonym: Pseudonym,
    profile: Profile = BASIC,
    limits: Limits | None = None,
    spool: Path | None = None,
    ruling: Ruling | None = None,
    pixels: PixelCleaner | None = None,
) -> Deidentified:
    """Write to `target` what `profile` leaves of the Part 10 original in `source`, under the patient's pseudonym.

    `source` is seekable; pixels are copied in chunks and never held in memory. The transfer syntax stays, but for a
    deflated one, which becomes Explicit VR Little Endian; a long one is unfolded in the folder `spool`, without a name.

    `ruling` is what people have decided about this very instance: which findings do not count, what is removed besides.
    `pixels` cleans pixels where `profile` asks for that; without it, risky ones hold their instance back.

    When the result has a `cause`, nothing was written: `PIXELS_UNPROVEN`, `IDENTITY_SUSPECTED`, or
    `DEIDENTIFICATION_FAILED` when the original cannot be followed. (Only where `source` turns out to be shorter than
    it said, the beginning was.)

    Raises:
        Refused: `not_dicom`, `too_large` or `too_deep`.
    """
    limits = limits or Limits()
    try:
        with opened(source, limits=limits, spool=spool) as original:
            run = _Run(original, pseudonym, profile, limits, ruling or Ruling())
            run.cleaner, run.source = pixels, source
            return run.finish(target)
    except (BrokenError, ShortError) as error:
        return Deidentified(
            sop_instance_uid=SopInstanceUid(""),
            series_instance_uid=SeriesInstanceUid(""),
            study_instance_uid=StudyInstanceUid(""),
            cause=AttentionCause.DEIDENTIFICATION_FAILED,
            detail=str(error) or "It is cut off.",
        )


@dataclass(frozen=True, slots=True)
class _Uids:
    """What names the output."""

    sop_class: str
    sop_instance: str
    series: str
    study: str


class _Run:
    """One original on its way through."""

    def __init__(
        self, original: Original, pseudonym: Pseudonym, profile: Profile, limits: Limits, ruling: Ruling
    ) -> None:
        self.ruling = ruling
        self.original = original
        self.pseudonym = pseudonym
        self.profile = profile
        self.limits = limits
        self.clean = likely_cleaner(pseudonym.uid_secret)
        self.blanking: Blanking | None = None
        self.beside: BesideFrames | None = None
        self.cleaner: PixelCleaner | None = None
        self.source: BinaryIO | None = None
        self.pixels: CleanedPixels | None = None
        self.boxes: tuple[Box, ...] = ()

    def finish(self, target: Sink) -> Deidentified:
        """Rewrite, judge, prove, write; in this order."""
        plan = plan_for(self.profile, self.original.sop_class_uid)
        if self.ruling.elements:
            plan = plan.removing(self.ruling.elements)
        plan, made = self._cleaned(plan)
        uids = self._uids(made.walker)
        cause = None
        detail = self._unproven_pixels(made, uids.sop_class)
        if detail:
            cause = AttentionCause.PIXELS_UNPROVEN
        else:
            if self.pixels is not None:
                plan = _without(plan, self.pixels)
                made = self._rewritten(plan)
            head = file_head(
                sop_class_uid=uids.sop_class,
                sop_instance_uid=uids.sop_instance,
                transfer_syntax_uid=self._transfer_syntax_uid,
            )
            made, found = self._proven(plan, made, head)
            leaks = " ".join(dict.fromkeys(leak.detail for leak in found))
            if found and not self._is_overridden(AttentionCause.IDENTITY_SUSPECTED, leaks):
                cause, detail = AttentionCause.IDENTITY_SUSPECTED, leaks
        return Deidentified(
            sop_instance_uid=SopInstanceUid(uids.sop_instance),
            series_instance_uid=SeriesInstanceUid(uids.series),
            study_instance_uid=StudyInstanceUid(uids.study),
            size_bytes=0 if cause else self._write(target, head, made),
            actions=dict(made.walker.counts) | ({"frames_looked_at": self.pixels.looked_at} if self.pixels else {}),
            boxes=() if cause else self.boxes,
            cause=cause,
            detail=detail,
        )

    def _unproven_pixels(self, made: RootRewriter, sop_class_uid: str) -> str:
        """Return why the pixels are not proven clean; "" when they are, were cleaned, or a person let them pass."""
        facts = _facts(made, sop_class_uid)
        reason = pixel_risk_reason(facts)
        if reason and made.has_document:
            reason = f"{reason} {self._said_of_document(made)}"
        if self._is_overridden(AttentionCause.PIXELS_UNPROVEN, reason):
            reason = ""
        elif CLEAN_PIXEL_DATA in self.profile.options and (can_be_cleaned(facts) or is_worth_a_look(facts)):
            reason = self._held_pixels(made, reason)
        if reason and not self._is_overridden(AttentionCause.PIXELS_UNPROVEN, reason):
            return reason
        return CANNOT if self.ruling.boxes and not self._can_blank(made) else self._unproven_beside(made)

    def _unproven_beside(self, made: RootRewriter) -> str:
        """Look for what lies in the pixel data besides its frames; return why that cannot be told, "" when it can."""
        if made.pixels is None or not made.has_pixels or self.blanking or (self.pixels and self.pixels.boxes):
            return ""  # pixels that are written anew hold nothing else
        is_floating, little = made.pixels.tag != PIXEL_DATA, self.original.encoding.little
        layout = Layout.of(made.walker.noted, is_floating=is_floating, little=little)
        pixels = Pixels(span=made.pixels, is_encapsulated=made.is_encapsulated, tables=made.offset_tables)
        syntax = self.original.transfer_syntax_uid
        self.beside = BesideFrames(self.original.source, pixels, layout, transfer_syntax_uid=syntax)
        return "" if self._is_overridden(AttentionCause.PIXELS_UNPROVEN, self.beside.held) else self.beside.held

    def _held_pixels(self, made: RootRewriter, reason: str) -> str:
        """Have the pixels cleaned; return why they are held all the same, "" when they are not."""
        if self.cleaner is None or self.source is None:
            return reason
        cleaned = self.cleaner.cleaned(
            self.source,
            transfer_syntax_uid=self.original.transfer_syntax_uid,
            identity=made.walker.identity,
            is_risky=bool(reason),
        )
        if cleaned.held:
            return f"{reason} {cleaned.held}".strip()
        if cleaned.is_proven:
            self.pixels, self.boxes = cleaned, cleaned.boxes
        return ""

    def _can_blank(self, made: RootRewriter) -> bool:
        """Prepare to blank the boxes that a person named, besides those that were found.

        Tell whether that can be done with these pixels.
        """
        spans = [part for part in made.parts if isinstance(part, Span) and part.tag == PIXEL_DATA]
        if len(spans) != 1:
            return False
        found = self.pixels or CleanedPixels()
        self.boxes = tuple(dict.fromkeys((*self.ruling.boxes, *found.boxes)))
        self.blanking = Blanking.of(self.original, self.boxes)
        if self.blanking is not None:
            self.pixels = CleanedPixels(looked_at=found.looked_at)
            return self.blanking.fits(spans[0])
        if self.cleaner is None or self.source is None:
            return False
        syntax = self.original.transfer_syntax_uid
        cleaned = self.cleaner.blanked(self.source, transfer_syntax_uid=syntax, boxes=self.boxes)
        self.pixels = None if cleaned.held else replace(cleaned, looked_at=found.looked_at)
        return not cleaned.held

    @property
    def _transfer_syntax_uid(self) -> str:
        """Return that of the output: another one where blanked pixels cannot be written in the original's."""
        return (self.pixels and self.pixels.transfer_syntax_uid) or self.original.transfer_syntax_uid

    def _is_overridden(self, cause: AttentionCause, detail: str) -> bool:
        """Tell whether a person has seen exactly this and let it pass."""
        return (cause.value, detail[:DETAIL_LENGTH_MAX]) in self.ruling.overridden

    def _cleaned(self, plan: Plan) -> tuple[Plan, RootRewriter]:
        """Rewrite; once more where texts are cleaned and hold what the header turned out to say of somebody."""
        made = self._rewritten(plan)
        texts = made.walker.values_made.texts
        overlays = self._clean_overlays(made)
        if overlays:
            plan = plan.with_overlays(overlays)
        if texts or overlays:
            self.clean = cleaner_for(made.walker.identity, self.pseudonym.uid_secret)
        if overlays or any(self.clean(vr, raw) != text for (vr, raw), text in texts.items()):
            made = self._rewritten(plan)
        return plan, made

    def _clean_overlays(self, made: RootRewriter) -> list[int]:
        """Return the groups of overlays that may stay: without a look at them none may."""
        cleaner, identity = self.cleaner, made.walker.identity
        if cleaner is None or CLEAN_PIXEL_DATA not in self.profile.options:
            return []
        big = not self.original.encoding.little
        found = made.walker.overlays.items()
        return [group for group, one in found if is_clean_overlay(one, cleaner, identity, is_big_endian=big)]

    def _rewritten(self, plan: Plan, scrub: Scrub | None = None) -> RootRewriter:
        walker = Walker(plan, self.pseudonym, limits=self.limits, clean=self.clean, scrub=scrub)
        inserts = our_elements(self.pseudonym, self.profile, self.original.encoding, self.pixels)
        made = RootRewriter(self.original, walker, inserts, limits=self.limits)
        made.run()
        walker.identity.uids = walker.uids.originals
        walker.identity.values -= walker.retained
        return made

    def _uids(self, walker: Walker) -> _Uids:
        sop_class = _text(walker, _SOP_CLASS) or self.original.sop_class_uid
        if is_directory(sop_class):
            raise BrokenError("It is a directory of other files.")
        uids = _Uids(sop_class, *(_text(walker, tag) for tag in (_SOP_INSTANCE, _SERIES, _STUDY)))
        if not all(is_well_formed(uid.encode()) for uid in (sop_class, uids.sop_instance, uids.series, uids.study)):
            raise BrokenError("It lacks a UID that every instance has.")
        return uids

    def _proven(self, plan: Plan, made: RootRewriter, head: bytes) -> tuple[RootRewriter, tuple[Leak, ...]]:
        """Return what was made and where identity is left in it; what leaks in a text of its own is made once more."""
        proof = self._proof(made)
        found = self._leaks(proof, made, head)
        if not found or not all(proof.can_scrub(leak.tag, leak.vr) and plan.can_scrub(leak.tag) for leak in found):
            return made, found
        scrubbing = plan.scrubbing({leak.tag for leak in found})
        made = self._rewritten(scrubbing, lambda tag, vr, value: proof.scrub(tag, vr, value, TEXT))
        return made, self._leaks(proof, made, head)

    def _proof(self, made: RootRewriter) -> Proof:
        ours = OURS | written(self.pseudonym, self.profile)
        residue = Residue(self.profile, uids=made.walker.uids.made)
        return Proof(made.walker.identity, ours=ours, retained=retained(self.profile), residue=residue)

    def _said_of_document(self, made: RootRewriter) -> str:
        """Return what the search finds in an encapsulated document, which is held in any case."""
        document = made.document
        kind = self._proof(made).kind_in_chunks(_chunks(self.original.source, document)) if document else "wrapped"
        nothing = "Nothing was found in its text, but what it shows cannot be searched."
        return Leak(kind, _DOCUMENT, b"OB").detail if kind else nothing

    def _leaks(self, proof: Proof, made: RootRewriter, head: bytes) -> tuple[Leak, ...]:
        vrs = made.walker.vrs
        pieces = (part for part in made.parts if isinstance(part, bytes))
        found = proof.leaks((head[META_OFFSET:],), encoding=EXPLICIT_LITTLE, vrs=vrs)
        found += proof.leaks(pieces, encoding=self.original.encoding, vrs=vrs)
        spans = (part for part in made.parts if isinstance(part, Span) and part.tag not in PIXEL_TAGS)
        kinds = ((span.tag, proof.kind_in_chunks(_chunks(self.original.source, span))) for span in spans)
        return found + tuple(Leak(kind, tag, b"OB") for tag, kind in kinds if kind)

    def _write(self, target: Sink, head: bytes, made: RootRewriter) -> int:
        target.write(head)
        size = len(head)
        for part in made.parts:
            if isinstance(part, bytes):
                target.write(part)
                size += len(part)
            else:
                for chunk in self._span(part):
                    target.write(chunk)
                    size += len(chunk)
        return size

    def _span(self, span: Span) -> Iterator[bytes]:
        if self.pixels is not None and self.pixels.boxes and span.tag == PIXEL_DATA:
            is_native = self._transfer_syntax_uid in NATIVE
            return _filled(self.pixels.chunks, span.length) if is_native else iter(self.pixels.chunks)
        if self.blanking is not None and span.tag == PIXEL_DATA:
            return self.blanking.chunks(self.original.source, span)
        if self.beside is not None and span.tag in PIXEL_TAGS:
            return self.beside.chunks()
        return _chunks(self.original.source, span)


def _facts(made: RootRewriter, sop_class_uid: str) -> PixelFacts:
    walker = made.walker
    return PixelFacts(
        sop_class_uid=sop_class_uid,
        modality=_text(walker, 0x00080060).upper(),
        conversion_type=_text(walker, 0x00080064).upper(),
        image_type=_text(walker, 0x00080008).upper(),
        burned_in_annotation=_text(walker, 0x00280301).upper(),
        recognizable_features=_text(walker, 0x00280302).upper(),
        has_pixels=made.has_pixels,
        has_document=made.has_document,
        overlay_in_pixels=made.has_overlay_in_pixels,
        photometric=_text(walker, 0x00280004).upper(),
        samples=sum(walker.noted.get(0x00280002, b"")),  # less than 256, in either order of bytes
        bits=sum(walker.noted.get(0x00280100, b"")),
    )


def _text(walker: Walker, tag: int) -> str:
    return walker.noted.get(tag, b"").strip(b"\0 ").decode("ascii", "replace")


def _chunks(source: Source, span: Span) -> Iterator[bytes]:
    return copied(source, span.offset, span.offset + span.length)


def _filled(chunks: Iterable[bytes], length: int) -> Iterator[bytes]:
    """Yield native pixels, and zeros for what lay behind them."""
    for chunk in chunks:
        length -= len(chunk)
        yield chunk
    if length < 0:
        raise BrokenError("Its pixels are longer than their element.")
    yield from zeros(length)


def _without(plan: Plan, pixels: CleanedPixels) -> Plan:
    """Return the plan without what `our_elements` writes anew, and without what tells where frames began."""
    gone = {*pixels.edits, *(OFFSET_TABLES if pixels.boxes else ())}
    return replace(plan, root=dict(plan.root) | dict.fromkeys(gone, Action.REMOVE))
