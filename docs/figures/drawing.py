"""Boxes, circles and arrows of a cell's figure, as SVG."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

INK, NEW, PALE, PALE_NEW = "#333333", "#b3400f", "#eef2f7", "#fdeee6"
WIDTH = 700
Point = tuple[float, float]


@dataclass
class Figure:
    """A drawing that grows; what a cell has beyond the plain LSTM is drawn in another colour."""

    height: float = 300
    parts: list[str] = field(default_factory=list)

    def gate(self, x: float, y: float, label: str, new: bool = False, width: float = 58) -> None:
        """A learned function: a box with what it computes."""
        self.parts.append(
            f'<rect x="{x - width / 2:g}" y="{y - 17:g}" width="{width:g}" height="34" rx="6" '
            f'fill="{PALE_NEW if new else PALE}" stroke="{NEW if new else INK}"/>'
        )
        self.text(x, y + 5, label, new=new)

    def op(self, x: float, y: float, sign: str, new: bool = False) -> None:
        """A product, a sum or a function without weights: a circle."""
        colour = NEW if new else INK
        self.parts.append(
            f'<ellipse cx="{x:g}" cy="{y:g}" rx="{4.5 * len(sign) + 8.5:g}" ry="13" fill="white" '
            f'stroke="{colour}"/>'
        )
        self.text(x, y + 5, sign, new=new, size=13 if len(sign) > 1 else 16)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        new: bool = False,
        size: int = 15,
        anchor: str = "middle",
    ) -> None:
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{NEW if new else INK}">{escape(text)}</text>'
        )

    def line(
        self, *points: Point, new: bool = False, head: bool = True, dashed: bool = False
    ) -> None:
        """A path through the points, with an arrow head at its end."""
        where = " ".join(f"{x:g},{y:g}" for x, y in points)
        marker = f' marker-end="url(#{"new" if new else "old"})"' if head else ""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<polyline points="{where}" fill="none" stroke="{NEW if new else INK}" '
            f'stroke-width="{1.8 if new else 1.4}"{dash}{marker}/>'
        )

    def dot(self, x: float, y: float, new: bool = False) -> None:
        """Where a line branches."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="3" fill="{NEW if new else INK}"/>')

    def svg(self, title: str) -> str:
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
            for name, colour in (("old", INK), ("new", NEW))
        )
        # White behind it all: the page around may be dark.
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height:g}" '
            f'width="{WIDTH}" height="{self.height:g}" role="img" font-family="sans-serif">'
            f"<title>{escape(title)}</title><defs>{heads}</defs>"
            f'<rect width="{WIDTH}" height="{self.height:g}" rx="8" fill="white"/>'
            + "\n".join(self.parts)
            + "</svg>\n"
        )
