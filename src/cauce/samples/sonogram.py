"""A screen of an ultrasound scanner: speckle in a fan, a scale, and the patient's name where scanners burn it in."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.samples.shapes import Floats

WIDTH_PX: Final = 800
HEIGHT_PX: Final = 600
BANNER_PX: Final = 46
DEPTH_MM: Final = 150.0
APEX_PX: Final = (400, -46)
PROBE_RADIUS_PX: Final = 128
FAN_DEPTH_PX: Final = 500
HALF_ANGLE_DEG: Final = 35.0
MM_PER_PX: Final = DEPTH_MM / FAN_DEPTH_PX

_SAMPLES: Final = 1000  # along a beam
_BEAMS: Final = 224
_RANGE_DB: Final = 62.0
_LIGHT: Final = (214, 222, 228)
_DIM: Final = (128, 142, 150)
_AMBER: Final = (240, 190, 70)
_GREEN: Final = (120, 230, 150)

_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
Image = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Label:
    """What the banner shows. OpenCV's fonts know ASCII only, as those of many scanners do."""

    name: str
    patient_id: str
    born: str
    taken: str
    institution: str


def screen(label: Label, *, seed: int) -> Image:
    """Return the whole screen, (600, 800, 3) red, green, blue."""
    image: Image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image[:] = _fan(_beams(np.random.default_rng([seed, 3])))[:, :, None]
    _draw_scale(image)
    _draw_calipers(image)
    _draw_banner(image, label)
    return image


def fan_box() -> tuple[int, int, int, int]:
    """Return the smallest box round the fan: first column, first row, last column, last row."""
    half = np.deg2rad(HALF_ANGLE_DEG)
    reach = PROBE_RADIUS_PX + FAN_DEPTH_PX
    left, right = APEX_PX[0] - reach * np.sin(half), APEX_PX[0] + reach * np.sin(half)
    top, bottom = APEX_PX[1] + PROBE_RADIUS_PX * np.cos(half), APEX_PX[1] + reach
    return int(left), int(top), int(np.ceil(right)), int(bottom)


def _place() -> tuple[Floats, Floats]:
    """Return where each sample of each beam lies: mm to the right and mm below the probe's middle."""
    angle = np.deg2rad(np.linspace(-HALF_ANGLE_DEG, HALF_ANGLE_DEG, _BEAMS, dtype=np.float32))[None, :]
    radius = PROBE_RADIUS_PX * MM_PER_PX + np.linspace(0, DEPTH_MM, _SAMPLES, dtype=np.float32)[:, None]
    return radius * np.sin(angle), radius * np.cos(angle) - PROBE_RADIUS_PX * MM_PER_PX


def _inside(
    x: Floats, y: Floats, centre: tuple[float, float], radii: tuple[float, float], turn_deg: float = 0.0
) -> Floats:
    """Return how far inside an ellipse each place is: 1 at its centre, 0 on its outline, below 0 outside."""
    turn = np.deg2rad(turn_deg)
    u, v = x - centre[0], y - centre[1]
    along, across = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
    angle = np.arctan2(across, along)
    swell = 1 + 0.05 * np.sin(2 * angle + centre[0]) + 0.03 * np.sin(3 * angle + centre[1])
    return np.asarray(1 - np.hypot(along / radii[0], across / radii[1]) / swell, np.float32)


def _tissue(x: Floats, y: Floats, ripple: Floats) -> tuple[Floats, Floats]:
    """Return the echo of each place in dB and how much it weakens what lies behind, in dB a mm."""
    echo = np.full(x.shape, -16, np.float32) + 2.0 * ripple
    loss = np.zeros(x.shape, np.float32)
    wave = y + 1.6 * np.sin(x / 17) + 0.8 * np.sin(x / 6.5) + 0.6 * ripple
    for top, bottom, level in ((-9, 2.6, -8), (2.6, 9.5, -27), (9.5, 17.5, -22)):
        echo = np.where((wave >= top) & (wave < bottom), np.float32(level), echo)
    for depth, level, thick in ((2.6, -5, 0.5), (9.5, -4, 0.55), (13.2, -14, 0.4), (17.5, -1, 0.7)):
        echo = np.maximum(echo, level - ((wave - depth) / thick) ** 2 * 3)
    diaphragm = np.hypot(x + 18, y - 38) - 88
    echo = np.where(diaphragm > 0, echo - 4 - 0.5 * np.minimum(diaphragm, 20), echo)
    echo = np.maximum(echo, 3 - (diaphragm / 0.9) ** 2 * 3 - 4 * np.maximum(0, x / 40) ** 2)
    for centre, radii, turn, wall in _CYSTS:
        deep = _inside(x, y, centre, radii, turn)
        if wall:
            echo = np.maximum(echo, -3 - (deep * min(radii) / 0.8) ** 2 * 3)
        hollow = np.clip(deep * min(radii) / 0.9, 0, 1)
        echo = echo * (1 - hollow) + hollow * -70
        loss -= 0.42 * (deep > 0)
    mass = _inside(x, y, (-37, 62), (8.5, 7.5))
    echo = np.where(mass > 0, -4 + 1.5 * ripple, echo)
    kidney, sinus = _inside(x, y, (46, 92), (36, 17), 24), _inside(x, y, (46, 92), (21, 6.5), 24)
    echo = np.where(kidney > 0, -21 + 1.5 * ripple, echo)
    echo = np.maximum(echo, -4 - (kidney * 17 / 0.9) ** 2 * 3)
    echo = np.where(sinus > 0, -5 + 3 * ripple, echo)
    stone = _inside(x, y, (13, 63.4), (4.6, 2.4), 6)
    echo = np.where(stone > 0, np.float32(6), echo)
    loss += 4.5 * (stone > 0)
    return np.asarray(echo, np.float32), np.asarray(loss, np.float32)


_CYSTS: Final = (
    ((10.0, 54.0), (27.0, 12.0), 18.0, True),
    ((-46.0, 92.0), (11.0, 10.0), 0.0, True),
    ((-14.0, 84.0), (6.0, 5.4), 0.0, True),
    ((-8.0, 34.0), (15.0, 2.6), -12.0, True),
    ((66.0, 97.0), (6.0, 5.2), 0.0, True),
    ((-52.0, 58.0), (10.0, 1.7), 32.0, False),
    ((-24.0, 104.0), (13.0, 1.9), -24.0, False),
)
"""Black holes with bright walls: a gall bladder, three cysts, one of them in the kidney, and some vessels."""


def _beams(rng: np.random.Generator) -> Floats:
    """Return what the probe hears, compressed to grey, (samples, beams) between 0 and 1."""
    x, y = _place()
    ripple = cv2.GaussianBlur(rng.standard_normal(x.shape, np.float32), (0, 0), sigmaX=5, sigmaY=22)
    echo, loss = _tissue(x, y, ripple / ripple.std())
    step_mm = DEPTH_MM / _SAMPLES
    strength = np.power(np.float32(10), echo / 20)
    parts = [
        cv2.GaussianBlur(rng.standard_normal(x.shape, np.float32) * strength, (0, 0), sigmaX=1.25, sigmaY=2.3)
        for _ in (0, 1)
    ]
    heard = 20 * np.log10(np.hypot(*parts) * 4.6 + 1e-5) - np.cumsum(loss, axis=0) * step_mm
    focus = 3.0 * np.exp(-(((y - 62) / 40) ** 2)) - 2.0
    hiss = 20 * np.log10(np.abs(rng.standard_normal(x.shape, np.float32)) * np.float32(0.0022) * (1 + y / 60) + 1e-5)
    decibel = np.logaddexp(heard + focus, hiss)
    return np.asarray(np.clip((decibel + _RANGE_DB - 8) / _RANGE_DB, 0, 1) ** 1.15, np.float32)


def _fan(beams: Floats) -> Image:
    """Bend the beams into the fan (scan conversion)."""
    column, row = np.meshgrid(np.arange(WIDTH_PX, dtype=np.float32), np.arange(HEIGHT_PX, dtype=np.float32))
    u, v = column - APEX_PX[0], row - APEX_PX[1]
    radius, angle = np.hypot(u, v), np.rad2deg(np.arctan2(u, v))
    sample = (radius - PROBE_RADIUS_PX) / FAN_DEPTH_PX * (_SAMPLES - 1)
    beam = (angle / HALF_ANGLE_DEG + 1) / 2 * (_BEAMS - 1)
    grey = cv2.remap(beams, beam.astype(np.float32), sample.astype(np.float32), cv2.INTER_LINEAR, borderValue=(0,))
    return np.asarray(np.rint(grey * 245), np.uint8)


def _draw_scale(image: Image) -> None:
    top = APEX_PX[1] + PROBE_RADIUS_PX
    for mm in range(0, int(DEPTH_MM) + 1, 5):
        y, length = round(top + mm / MM_PER_PX), 10 if mm % 50 == 0 else 6 if mm % 10 == 0 else 3
        cv2.line(image, (776 - length, y), (776, y), _LIGHT, 1)
        if mm % 50 == 0:
            cv2.putText(image, str(mm // 10), (780, y + 4), _FONT, 0.38, _LIGHT, 1, cv2.LINE_AA)
    focus = round(top + 62 / MM_PER_PX)
    cv2.fillConvexPoly(
        image, np.array([(756, focus - 5), (756, focus + 5), (763, focus)], np.int32), _AMBER, cv2.LINE_AA
    )
    ramp = np.linspace(245, 0, 140).astype(np.uint8)
    image[92:232, 16:28] = ramp[:, None, None]
    cv2.rectangle(image, (15, 91), (28, 232), _DIM, 1)
    cv2.circle(image, (APEX_PX[0] - 92, 62), 6, _GREEN, 1, cv2.LINE_AA)
    for line, text in enumerate(("C5-1 Abd", "3.5 MHz", "Gn 52", "DR 62 dB", "FR 34 Hz", "MI 0.9", "TIS 0.4")):
        cv2.putText(image, text, (14, 262 + 19 * line), _FONT, 0.40, _DIM, 1, cv2.LINE_AA)


def _draw_calipers(image: Image) -> None:
    top = APEX_PX[1] + PROBE_RADIUS_PX
    ends = [(round(APEX_PX[0] + x / MM_PER_PX), round(top + y / MM_PER_PX)) for x, y in ((-57, 92), (-35, 92))]
    for x, y in ends:
        cv2.drawMarker(image, (x, y), _AMBER, cv2.MARKER_CROSS, 10, 1, cv2.LINE_AA)
    for x in range(ends[0][0] + 8, ends[1][0] - 4, 7):
        cv2.line(image, (x, ends[0][1]), (x + 1, ends[0][1]), _AMBER, 1)
    cv2.putText(image, "+ D 22.0 mm", (14, 566), _FONT, 0.46, _AMBER, 1, cv2.LINE_AA)


def _draw_banner(image: Image, label: Label) -> None:
    cv2.rectangle(image, (0, 0), (WIDTH_PX, BANNER_PX), (24, 32, 40), -1)
    cv2.line(image, (0, BANNER_PX), (WIDTH_PX, BANNER_PX), (60, 74, 84), 1)
    cv2.putText(image, label.name, (12, 20), _FONT, 0.55, _LIGHT, 1, cv2.LINE_AA)
    cv2.putText(image, f"ID {label.patient_id}   DOB {label.born}", (12, 38), _FONT, 0.42, _LIGHT, 1, cv2.LINE_AA)
    for text, y in ((label.institution, 20), (label.taken, 38)):
        width = cv2.getTextSize(text, _FONT, 0.42, 1)[0][0]
        cv2.putText(image, text, (WIDTH_PX - 12 - width, y), _FONT, 0.42, _LIGHT, 1, cv2.LINE_AA)
