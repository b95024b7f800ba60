"""Colour spaces: from what DICOM stores to red, green, blue (PS3.3 C.7.6.3.1.2)."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import Undecodable
from cauce.stages.process.layout import PixelLayout

_PARTIAL = np.array(
    [[1.1644, 0.0, 1.5960], [1.1644, -0.3917, -0.8130], [1.1644, 2.0173, 0.0]],
    dtype=np.float32,
)
_LAB_WHITE = (0.9505, 1.0, 1.089)


def rgb_from_ycc(array: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Convert (rows, columns, 3) luminance, blue and red chrominance to red, green, blue of the same type.

    Raises:
        Undecodable: samples of more than 16 bits.
    """
    if layout.photometric.startswith("YBR_PARTIAL"):
        shifted = array.astype(np.float32) - np.array([16, 128, 128], np.float32)
        return np.clip(np.rint(cv2.transform(shifted, _PARTIAL)), 0, 255).astype(np.uint8)
    if array.dtype not in (np.uint8, np.uint16):
        raise Undecodable("colour of this depth is not supported", transfer_syntax_uid=layout.transfer_syntax_uid)
    swapped = np.ascontiguousarray(array[..., [0, 2, 1]])
    return cv2.cvtColor(swapped, cv2.COLOR_YCrCb2RGB)


def rgb_from_ycc_422(raw: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Convert one frame of Y Y Cb Cr quadruples, chrominance shared by two pixels, to (rows, columns, 3).

    Raises:
        Undecodable: an odd number of columns.
    """
    return rgb_from_ycc(ycc_from_422(raw, layout), layout)


def ycc_from_422(raw: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Give both pixels of each Y Y Cb Cr quadruple the chrominance that they share: (rows, columns, 3).

    Raises:
        Undecodable: an odd number of columns.
    """
    if layout.columns % 2:
        raise Undecodable("subsampled colour of odd width", transfer_syntax_uid=layout.transfer_syntax_uid)
    pairs = raw.reshape(layout.rows, layout.columns // 2, 4)
    full = np.empty((layout.rows, layout.columns, 3), raw.dtype)
    full[:, 0::2, 0] = pairs[..., 0]
    full[:, 1::2, 0] = pairs[..., 1]
    full[..., 1] = np.repeat(pairs[..., 2], 2, axis=1)
    full[..., 2] = np.repeat(pairs[..., 3], 2, axis=1)
    return full


def luminance(rgb: NDArray[Any]) -> NDArray[Any]:
    """Return the luminance of (rows, columns, 3) red, green, blue in the same type (ITU-R BT.601)."""
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)


def rgb_from_dicom_lab(lab: list[int]) -> tuple[int, int, int]:
    """Convert a CIELab value as DICOM stores it, three 16-bit integers, to 8-bit sRGB (PS3.3 C.10.7.1.1)."""
    lightness = lab[0] / 65535 * 100
    a, b = lab[1] / 65535 * 255 - 128, lab[2] / 65535 * 255 - 128
    fy = (lightness + 16) / 116
    white_x, white_y, white_z = _LAB_WHITE
    xyz = np.array([white_x * _lab(fy + a / 500), white_y * _lab(fy), white_z * _lab(fy - b / 200)])
    matrix = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    linear = np.clip(matrix @ xyz, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    red, green, blue = (int(v) for v in np.rint(encoded * 255))
    return red, green, blue


def _lab(t: float) -> float:
    return t**3 if t > 6 / 29 else 3 * (6 / 29) ** 2 * (t - 4 / 29)
