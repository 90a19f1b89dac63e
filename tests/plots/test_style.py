from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from segml.plots.style import GREY, PALETTE, TONES, segment_color

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
     [0.0193339, 0.119192, 0.9503041]]
)  # fmt: skip
# Machado, Oliveira and Fernandes (2009), table 1, severity 1.
SEEN = {
    "normally": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip


def lab(colors: list[str], seen: np.ndarray) -> np.ndarray:
    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ seen.T, 0, 1) @ TO_XYZ.T / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.column_stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])]
    )


def test_the_first_eight_are_the_palette_and_noise_is_grey():
    assert [segment_color(i) for i in range(8)] == list(PALETTE)
    assert segment_color(-1) == GREY
    assert len({segment_color(i) for i in range(20)}) == 20
    assert segment_color(20) == segment_color(0)


@pytest.mark.parametrize(
    ("seen", "least"), [(name, 13 if name == "normally" else 7) for name in SEEN]
)
def test_further_colours_differ_from_all_others(seen, least):
    colors = [*PALETTE, GREY, *TONES]
    places = lab(colors, SEEN[seen])
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 999 * np.eye(len(colors))
    assert apart[:, len(PALETTE) + 1 :].min() > least  # about 2 can just be told apart
