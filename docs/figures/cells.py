"""Draw the figures of docs/encoders.md: ``python docs/figures/cells.py``.

In every figure the memory runs along the top, the state along the bottom, and time goes from left
to right. What differs from the plain LSTM is drawn in red.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from drawing import Figure

MEMORY, GATES, STATE = 50, 165, 250  # heights of the lanes
FORGET, ENTER, CANDIDATE, LEAVE, OUT = 150, 260, 350, 480, 570


def lstm(
    forget: str = "f: σ",
    enter: str = "i: σ",
    leave: str = "o: σ",
    new: str = "",
    state: str = "h′",
    height: float = 300,
    squash: str = "tanh",
) -> Figure:
    """The plain LSTM; ``new`` names the gates (f, i, z, o) that are drawn as changed."""
    f = Figure(height)
    f.text(40, MEMORY + 5, "c′")
    f.line((55, MEMORY), (FORGET - 13, MEMORY))
    f.op(FORGET, MEMORY, "×")
    f.line((FORGET + 13, MEMORY), (305 - 13, MEMORY))
    f.op(305, MEMORY, "+")
    f.line((318, MEMORY), (640, MEMORY))
    f.text(660, MEMORY + 5, "c")
    for place, label, key in (
        (FORGET, forget, "f"),
        (ENTER, enter, "i"),
        (CANDIDATE, "z: tanh", "z"),
        (LEAVE, leave, "o"),
    ):
        f.gate(place, GATES, label, new=key in new, width=66)
        f.line((place, STATE), (place, GATES + 17))
        f.dot(place, STATE)
    f.text(40, STATE + 5, f"x, {state}")
    f.line((70, STATE), (LEAVE, STATE), head=False)
    f.line((FORGET, GATES - 17), (FORGET, MEMORY + 13))
    f.op(305, 110, "×")
    f.line((ENTER, GATES - 17), (ENTER, 110), (305 - 13, 110))
    f.line((CANDIDATE, GATES - 17), (CANDIDATE, 110), (305 + 13, 110))
    f.line((305, 97), (305, MEMORY + 13))
    f.dot(OUT, MEMORY)
    f.line((OUT, MEMORY), (OUT, 92))
    f.op(OUT, 105, squash, new=squash != "tanh")
    f.line((OUT, 118), (OUT, GATES - 13))
    f.op(OUT, GATES, "×")
    f.line((LEAVE + 33, GATES), (OUT - 13, GATES))
    f.line((OUT, GATES + 13), (OUT, STATE), (640, STATE))
    f.text(660, STATE + 5, "h")
    return f


def peephole() -> Figure:
    f = lstm()
    f.dot(100, MEMORY, new=True)
    for place in (FORGET - 20, ENTER - 20):
        f.line((100, MEMORY), (100, 130), (place, 130), (place, GATES - 17), new=True, dashed=True)
    f.dot(LEAVE, MEMORY, new=True)
    f.line((LEAVE, MEMORY), (LEAVE, GATES - 17), new=True, dashed=True)
    f.text(LEAVE + 8, 100, "p", new=True, anchor="start")
    f.text(108, 122, "p", new=True, anchor="start")
    return f


def coupled() -> Figure:
    f = lstm(forget="1 − i", new="f")
    f.parts = [p for p in f.parts if not p.startswith(f'<polyline points="{FORGET},{STATE}')]
    f.parts = [p for p in f.parts if not p.startswith(f'<circle cx="{FORGET}" cy="{STATE}"')]
    f.line((ENTER - 33, GATES), (FORGET + 33, GATES), new=True)
    return f


def layer_norm() -> Figure:
    f = lstm(squash="LN, tanh")
    for place in (FORGET, ENTER, CANDIDATE, LEAVE):
        f.gate(place, 212, "LN", new=True, width=40)
        f.line((place, 195), (place, GATES + 17), new=True)
    return f


def exponential() -> Figure:
    f = lstm(forget="f: σ or e", enter="i: exp", new="fi", squash="c / n")
    f.text(40, 25, "n′", new=True)
    f.line((55, 20), (640, 20), new=True)
    f.text(660, 25, "n", new=True)
    f.line((OUT + 60, 20), (OUT + 60, 105), (OUT + 31, 105), new=True)
    f.text(230, 14, "n = f n′ + i", new=True, size=12)
    return f


def matrix() -> Figure:
    f = Figure()
    f.text(40, MEMORY + 5, "C′", new=True)
    f.line((55, MEMORY), (137, MEMORY), new=True)
    f.op(FORGET, MEMORY, "×")
    f.line((163, MEMORY), (292, MEMORY), new=True)
    f.op(305, MEMORY, "+")
    f.line((318, MEMORY), (640, MEMORY), new=True)
    f.text(660, MEMORY + 5, "C", new=True)
    f.text(440, MEMORY - 10, "d × d numbers a head", new=True, size=12)
    for place, label, new in (
        (FORGET, "f: σ", False),
        (235, "i: exp", True),
        (305, "v", True),
        (375, "k", True),
        (455, "q", True),
        (LEAVE + 30, "o: σ", False),
    ):
        f.gate(place, GATES, label, new=new, width=54)
        f.line((place, STATE), (place, GATES + 17))
        f.dot(place, STATE)
    f.text(40, STATE + 5, "x")
    f.line((55, STATE), (LEAVE + 30, STATE), head=False)
    f.line((FORGET, GATES - 17), (FORGET, MEMORY + 13))
    f.op(305, 105, "v kᵀ", new=True)
    f.line((235, GATES - 17), (235, 105), (292, 105), new=True)
    f.line((305, GATES - 17), (305, 118), new=True)
    f.line((375, GATES - 17), (375, 105), (318, 105), new=True)
    f.line((305, 92), (305, MEMORY + 13), new=True)
    f.line((OUT + 20, MEMORY), (OUT + 20, 92), new=True)
    f.dot(OUT + 20, MEMORY, new=True)
    f.op(OUT + 20, 105, "C q", new=True)
    f.line((455, GATES - 17), (455, 105), (OUT + 7, 105), new=True)
    f.line((OUT + 20, 118), (OUT + 20, GATES - 13))
    f.op(OUT + 20, GATES, "×")
    f.line((LEAVE + 57, GATES), (OUT + 7, GATES))
    f.line((OUT + 20, GATES + 13), (OUT + 20, STATE), (640, STATE))
    f.text(660, STATE + 5, "h")
    return f


def multiplicative() -> Figure:
    f = lstm(state="m", height=360)
    f.text(40, 325, "h′")
    f.gate(130, 320, "W x", new=True)
    f.gate(290, 320, "W h′", new=True)
    f.line((55, 320), (70, 320), (70, 290), (230, 290), (230, 320), (261, 320), new=True)
    f.op(400, 320, "×", new=True)
    f.line((319, 320), (387, 320), new=True)
    f.line((159, 320), (200, 320), (200, 345), (400, 345), (400, 333), new=True)
    f.line((413, 320), (520, 320), new=True)
    f.text(600, 325, "m = W x × W h′", new=True)
    return f


def dynamic() -> Figure:
    f = lstm(height=380)
    for lane, name in ((300, "x"), (350, "h′")):
        f.text(90, lane + 5, name)
        f.line((105, lane), (560, lane), new=True)
    for number, (place, lower) in enumerate(((160, True), (270, False), (380, True), (490, False))):
        lane, other = (300, 350) if lower else (350, 300)
        f.op(place, lane, "×", new=True)
        f.line((place, other), (place, lane + (13 if lower else -13)), new=True)
        f.dot(place, other, new=True)
        f.text(
            place + 10, 330, "2σ(Q h)" if lower else "2σ(R x)", new=True, size=12, anchor="start"
        )
        f.text(place, 376, f"round {number + 1}", size=11)
    f.text(620, 330, "to the LSTM", new=True, size=13)
    return f


def skip() -> Figure:
    f = lstm(height=350)
    f.gate(OUT + 20, 210, "u = 1?", new=True, width=70)
    f.text(
        100,
        318,
        "u′ → sum of Δu since the last update, at ½ it fires",
        new=True,
        size=13,
        anchor="start",
    )
    f.line((40, 265), (40, 335), (OUT + 20, 335), (OUT + 20, 227), new=True)
    f.text(OUT - 10, 328, "else copy c′, h′", new=True, size=13, anchor="end")
    f.text(OUT + 62, 214, "update", new=True, size=13, anchor="start")
    return f


def fuzzy() -> Figure:
    f = lstm(height=380, new="fizo")
    for number, place in enumerate((150, 270, 390)):
        f.gate(place, 325, f"rule {number + 1}", new=True, width=76)
        bell = " ".join(
            f"{place - 30 + 3 * k:g},{302 - 22 * 2.718 ** (-((k - 10) ** 2) / 18):g}"
            for k in range(21)
        )
        f.parts.append(f'<polyline points="{bell}" fill="none" stroke="#b3400f"/>')
        f.line((place + 38, 325), (470, 325), new=True, head=False)
    f.op(485, 325, "Σ", new=True)
    f.text(510, 318, "each rule's gates,", new=True, size=12, anchor="start")
    f.text(510, 334, "weighted by its firing", new=True, size=12, anchor="start")
    f.line((485, 312), (485, 268), new=True)
    f.text(150, 368, "memberships of (x, h′); firings sum to 1", new=True, size=12, anchor="start")
    return f


def hierarchical() -> Figure:
    f = Figure(300)
    for level, y in ((1, 220), (2, 80)):
        f.text(36, y + 5, f"level {level}")
        for step, place in enumerate((130, 250, 370, 490, 610)):
            copied = level == 2 and step in (0, 1, 3)
            label = "UPDATE" if level == 1 else "COPY" if copied else "UPDATE"
            label = "FLUSH" if level == 1 and step in (3,) else label
            f.gate(place, y, label, new=copied or label == "FLUSH", width=78)
            if step:
                f.line((place - 81, y), (place - 39, y))
    for place in (370, 610):
        f.line((place, 203), (place, 97), new=True)
        f.text(
            place + 8,
            155,
            "z = 1",
            new=True,
            size=12,
            anchor="start" if place < 600 else "end",
        )
    f.line((409, 95), (451, 205), new=True, dashed=True)
    f.text(440, 165, "top down", new=True, size=12, anchor="start")
    for place in (130, 250, 370, 490, 610):
        f.line((place, 275), (place, 237))
        f.text(place, 292, "x", size=13)
    return f


def convlstm() -> Figure:
    f = Figure(300)
    for step, place in enumerate((110, 330, 550)):
        f.text(place, 292, f"window {step + 1}", size=13)
        for row, (y, name) in enumerate(((240, "x"), (80, "h, c"))):
            for cell in range(7):
                x = place - 70 + 20 * cell
                fill = "#fdeee6" if row and cell in (2, 3, 4) and step < 2 else "#eef2f7"
                f.parts.append(
                    f'<rect x="{x}" y="{y}" width="20" height="20" fill="{fill}" stroke="#333333"/>'
                )
            if step == 0:
                f.text(18, y + 15, name, size=13)
        for offset in (-20, 0, 20):
            f.line((place + offset, 240), (place, 103), new=True)
        if step:
            f.line((place - 200, 80), (place - 200, 62), (place, 62), (place, 78), new=True)
    f.text(350, 30, "gates at a position see the positions around it, one window before", new=True)
    return f


def attention() -> Figure:
    f = Figure(300)
    places = (110, 230, 350, 470, 590)
    for place in places:
        f.gate(place, 240, "h", width=44)
        f.gate(place, 70, "h + a", new=True)
    for before, after in pairwise(places):
        f.line((before + 22, 236), (after - 22, 236))
        f.line((after - 22, 246), (before + 22, 246))
    for place in places:
        f.line((place, 223), (350, 88), new=True, dashed=place != 350)
    f.text(520, 150, "weights sum to 1,", new=True, size=13, anchor="start")
    f.text(520, 167, "0 on padding", new=True, size=13, anchor="start")
    return f


def conv_stem() -> Figure:
    f = Figure(300)
    for cell in range(31):
        x = 40 + 20 * cell
        fill = "#fdeee6" if abs(cell - 15) <= 7 else "#eef2f7"
        f.parts.append(
            f'<rect x="{x}" y="240" width="20" height="20" fill="{fill}" stroke="#333"/>'
        )
    for size, y in ((15, 180), (9, 150)):
        half = size * 10
        f.line((350 - half, y), (350 + half, y), new=True, head=False)
        f.line((350 - half, 240), (350 - half, y), new=True, head=False)
        f.line((350 + half, 240), (350 + half, y), new=True, head=False)
        f.text(350 + half + 10, y + 5, f"kernel {size}", new=True, size=13, anchor="start")
    f.line((350, 180), (350, 105), new=True)
    f.gate(350, 85, "features of this position", new=True, width=200)
    f.line((450, 85), (560, 85))
    f.text(610, 90, "recurrence")
    f.text(350, 285, "residues", size=13)
    return f


FIGURES: dict[str, tuple[Callable[[], Figure], str]] = {
    "lstm": (lstm, "LSTM: forget, input and output gate, and the candidate"),
    "peephole": (peephole, "Peephole LSTM: the gates also see the memory"),
    "coupled": (coupled, "Coupled LSTM: the forget gate is one minus the input gate"),
    "layer_norm": (layer_norm, "Layer-normalised LSTM: gates and memory are normalised"),
    "exponential": (exponential, "sLSTM: exponential input gate and a normaliser"),
    "matrix": (matrix, "mLSTM: a matrix of values and keys, read by a query"),
    "multiplicative": (multiplicative, "Multiplicative LSTM: the input chooses the recurrence"),
    "dynamic": (dynamic, "Mogrifier LSTM: input and state gate each other in rounds"),
    "skip": (skip, "Skip LSTM: the state is updated or copied"),
    "fuzzy": (fuzzy, "Fuzzy LSTM: several rules blended by their firing"),
    "hierarchical": (hierarchical, "Hierarchical multiscale LSTM: boundaries move level two"),
    "convlstm": (convlstm, "ConvLSTM: windows are time, positions are space"),
    "attention": (attention, "Self-attention over the states of a recurrence"),
    "conv_stem": (conv_stem, "Two convolutions side by side before the recurrence"),
}


def main() -> None:
    for name, (draw, title) in FIGURES.items():
        path = Path(__file__).parent / f"cell-{name.replace('_', '-')}.svg"
        path.write_text(draw().svg(title), encoding="utf-8")


if __name__ == "__main__":
    main()
