"""Where things lie in the phantom's chest, and how dense they are. Tables only; `shapes` explains the frame.

The slices run from the arch of the aorta (depth 0) to the domes of the diaphragm (depth 141). Vessels and heart are
filled with contrast medium, as in a study of the lung's vessels some seconds later than their best.
"""

from typing import Final

from cauce.samples.shapes import Blob, Tube

HU: Final = {
    "air": -1000.0,
    "lung": -862.0,
    "fat": -104.0,
    "mediastinal_fat": -96.0,
    "muscle": 58.0,
    "skin": 20.0,
    "cortex": 720.0,
    "marrow": 165.0,
    "cartilage": 105.0,
    "disc": 88.0,
    "cord": 38.0,
    "aorta": 205.0,
    "pulmonary_artery": 178.0,
    "left_heart": 196.0,
    "right_heart": 160.0,
    "vena_cava": 185.0,
    "myocardium": 108.0,
    "soft_tissue": 46.0,
    "bronchial_wall": 15.0,
    "liver": 104.0,
    "spleen": 116.0,
    "nodule": 42.0,
    "table_shell": 240.0,
    "table_core": -930.0,
    "mattress": -860.0,
}
"""What each structure measures before blur and noise, in Hounsfield units."""

# Halves of the outlines at three depths, from the midline of the back round to the midline of the chest; the other
# half is their mirror image.
SKIN: Final = {
    0.0: [(0, 112), (12, 114), (45, 118), (92, 112), (134, 92), (161, 56), (168, 14), (158, -32), (130, -74), (86, -99),
          (40, -107), (12, -104), (0, -103)],
    70.0: [(0, 109), (12, 111), (45, 115), (90, 108), (130, 87), (157, 54), (165, 13), (157, -30), (132, -73),
           (92, -102),
           (45, -112), (13, -108), (0, -107)],
    141.0: [(0, 105), (12, 107), (42, 111), (85, 104), (123, 85), (150, 53), (159, 12), (153, -33), (131, -76),
            (95, -103),
            (48, -112), (14, -108), (0, -107)],
}  # fmt: skip
CAVITY: Final = {
    0.0: [(17, 56), (26, 66), (42, 75), (62, 78), (84, 70), (101, 49), (109, 18), (105, -15), (89, -45), (62, -65),
          (30, -74),
          (0, -76)],
    70.0: [(18, 58), (28, 69), (46, 79), (70, 83), (96, 75), (117, 50), (125, 15), (120, -22), (102, -54), (70, -76),
           (34, -85), (0, -86)],
    141.0: [(18, 58), (29, 70), (48, 80), (74, 84), (101, 74), (122, 48), (130, 12), (125, -26), (106, -58), (74, -80),
            (36, -88), (0, -88)],
}  # fmt: skip

# Muscles that lie on the ribs: from and to along the half outline of the cavity (0 at the back, 1 at the front), inner
# face and thickness in mm at three depths.
WALL_MUSCLES: Final[dict[str, tuple[float, float, dict[float, tuple[float, float]]]]] = {
    "pectoralis_major": (0.64, 0.955, {0.0: (13, 15), 70.0: (11.5, 9), 141.0: (11, 2.5)}),
    "pectoralis_minor": (0.66, 0.84, {0.0: (10.5, 6), 50.0: (10, 2.5), 141.0: (9.5, 0.5)}),
    "serratus_anterior": (0.30, 0.70, {0.0: (11, 6), 70.0: (11, 8), 141.0: (11, 7.5)}),
    "latissimus_dorsi": (0.26, 0.55, {0.0: (23, 14), 70.0: (20, 10), 141.0: (19, 7)}),
    "trapezius": (0.10, 0.25, {0.0: (27, 7), 70.0: (21, 3.5), 141.0: (17, 2)}),
    "rhomboid": (0.12, 0.27, {0.0: (18, 6.5), 70.0: (14, 4), 141.0: (11.5, 2)}),
}

RIB_SPACING_MM: Final = 25.0
RIB_FALL_MM: Final = 118.0

AIRWAYS: Final = (
    Tube((0, 2, -20, 8.6), (-1, 5, 5, 8.6), (-2, 8, 26, 9.0), (-3, 9, 36, 7.5)),
    Tube((-4, 9, 34, 7.0), (-14, 11, 40, 6.8), (-27, 12, 50, 5.6), (-34, 14, 66, 4.6), (-40, 22, 84, 3.5),
         (-50, 34, 108, 2.4)),
    Tube((-20, 11, 43, 4.6), (-34, 7, 40, 3.8), (-47, 0, 34, 2.8), (-58, -8, 24, 2.1), fixed=False),
    Tube((-34, 7, 40, 3.0), (-48, 16, 32, 2.4), (-60, 28, 24, 1.8), fixed=False),
    Tube((-33, 13, 64, 3.2), (-44, -2, 72, 2.6), (-58, -18, 80, 1.9), fixed=False),
    Tube((-38, 20, 80, 2.6), (-50, 24, 94, 2.2), (-66, 24, 116, 1.6), fixed=False),
    Tube((0, 9, 34, 6.8), (12, 13, 44, 6.4), (26, 17, 52, 5.8), (36, 20, 62, 5.0), (44, 28, 82, 3.5),
         (54, 38, 108, 2.3)),
    Tube((32, 18, 58, 4.2), (43, 6, 56, 3.4), (54, -10, 48, 2.5), (62, -24, 36, 1.9), fixed=False),
    Tube((43, 6, 57, 2.8), (54, -4, 68, 2.2), (64, -18, 82, 1.7), fixed=False),
    Tube((42, 25, 78, 2.6), (56, 24, 92, 2.2), (74, 20, 112, 1.6), fixed=False),
)  # fmt: skip

VESSELS: Final = (
    ("vena_cava", Tube((-31, -22, -20, 8.5), (-32, -20, 20, 8.5), (-33, -17, 55, 9.0), (-33, -15, 80, 10.0))),
    ("vena_cava", Tube((-27, 8, 108, 10.0), (-27, 10, 128, 11.0), (-27, 12, 170, 11.5))),
    ("vena_cava", Tube((-9, 33, 200, 3.6), (-9, 32, 40, 3.8), (-14, 27, 28, 4.2), (-25, 8, 24, 4.4),
                       (-31, -12, 26, 4.4))),
    ("aorta", Tube((4, -14, 82, 14.5), (-6, -22, 66, 15.5), (-14, -29, 44, 15.0), (-15, -30, 20, 14.5),
                   (-9, -23, 4, 14.0),
                   (4, -6, -4, 13.5), (17, 14, 2, 13.0), (24, 29, 20, 12.5), (25, 34, 60, 12.0), (23, 37, 110, 11.5),
                   (20, 38, 200, 11.0))),
    ("pulmonary_artery", Tube((10, -46, 80, 12.0), (14, -44, 68, 12.5), (20, -34, 54, 13.0), (21, -24, 46, 12.5))),
    ("pulmonary_artery", Tube((21, -22, 46, 10.5), (8, -9, 49, 9.5), (-12, -4, 51, 9.0), (-30, -4, 52, 8.5),
                              (-42, 0, 56, 7.0),
                              (-48, 8, 68, 5.6), (-54, 20, 86, 4.4), (-60, 32, 106, 3.2))),
    ("pulmonary_artery", Tube((-34, -4, 51, 6.0), (-46, -8, 42, 4.8), (-54, -10, 30, 3.6))),
    ("pulmonary_artery", Tube((22, -24, 46, 10.0), (32, -8, 42, 9.0), (41, 8, 44, 8.2), (47, 20, 56, 7.0),
                              (54, 30, 76, 5.2),
                              (62, 38, 102, 3.4))),
    ("pulmonary_artery", Tube((40, 4, 43, 5.4), (50, -4, 36, 4.2), (58, -10, 26, 3.2))),
    ("left_heart", Tube((-8, 12, 78, 7.5), (-26, 6, 74, 6.4), (-42, -8, 68, 5.2), (-52, -18, 58, 3.8))),
    ("left_heart", Tube((-8, 16, 86, 7.5), (-24, 19, 88, 6.2), (-42, 23, 92, 4.8), (-58, 30, 98, 3.4))),
    ("left_heart", Tube((14, 8, 74, 6.8), (32, 2, 70, 5.8), (46, -12, 64, 4.8), (56, -24, 54, 3.6))),
    ("left_heart", Tube((14, 16, 84, 7.0), (32, 22, 88, 5.8), (48, 28, 92, 4.6), (64, 34, 98, 3.2))),
)  # fmt: skip
"""Those that leave the mediastinum end where the lungs' trees begin."""

OESOPHAGUS: Final = Tube((5, 20, -20, 5.5), (4, 23, 20, 5.5), (5, 26, 60, 5.5), (7, 28, 100, 6.0), (12, 26, 150, 7.0))

HEART: Final = (
    ("myocardium", Blob(centre=(36, -20, 104), radii=(50, 35, 36), axis=(0.80, -0.50, 0.30))),
    ("right_heart", Blob(centre=(-30, -16, 96), radii=(27, 22, 34), axis=(0.35, 0.9, 0.1), wobble=0.05)),
    ("myocardium", Blob(centre=(6, -42, 103), radii=(45, 22, 33), axis=(0.86, -0.28, 0.34))),
    ("right_heart", Blob(centre=(5, -42, 102), radii=(42, 18.5, 31), axis=(0.86, -0.28, 0.34), wobble=0.05)),
    ("left_heart", Blob(centre=(3, 8, 80), radii=(31, 19, 19), axis=(1.0, 0.06, 0.05), wobble=0.05)),
    ("left_heart", Blob(centre=(30, -22, 66), radii=(15, 8, 10), axis=(0.7, -0.7, 0.1), wobble=0.06)),
    ("right_heart", Blob(centre=(-22, -42, 72), radii=(15, 8, 11), axis=(0.8, -0.5, 0.1), wobble=0.06)),
    ("left_heart", Blob(centre=(33, -17, 103), radii=(38, 22.5, 24), axis=(0.80, -0.50, 0.30), wobble=0.035)),
    ("right_heart", Blob(centre=(-14, -28, 96), radii=(14, 10, 13), axis=(0.8, -0.4, 0.0))),
    ("left_heart", Blob(centre=(14, -6, 92), radii=(14, 12, 12), axis=(0.8, -0.5, 0.2))),
)  # fmt: skip
PERICARDIUM: Final = Blob(centre=(12, -24, 104), radii=(68, 45, 50), axis=(0.88, -0.35, 0.22))
"""The heart in its fat."""

NODES: Final = (
    Blob(centre=(-14, 0, 22), radii=(5, 3.5, 5)),
    Blob(centre=(12, -2, 34), radii=(4.5, 3, 4)),
    Blob(centre=(-2, 17, 58), radii=(7, 4, 6)),
)
NODULE: Final = Blob(centre=(-83, -20, 57), radii=(5.0, 4.4, 4.8), axis=(0.6, -0.7, 0.3), wobble=0.07)
LIVER: Final = Blob(centre=(-62, 2, 198), radii=(76, 66, 82), axis=(1.0, 0.1, 0.0))
SPLEEN: Final = Blob(centre=(72, 22, 201), radii=(58, 54, 71), axis=(0.8, 0.5, 0.0))
