"""Curves of a run's log as a PNG, drawn with Pillow: one panel per quantity, steps to the right."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image, ImageDraw

PANEL = (420, 220)
MARGIN = 46
SKIP = {"step", "seconds", "norm"}


def series(log: Path) -> dict[str, list[tuple[float, float]]]:
    out: dict[str, list[tuple[float, float]]] = {}
    for line in log.read_text().splitlines():
        row = json.loads(line)
        for key, value in row.items():
            if key not in SKIP:
                out.setdefault(key, []).append((row["step"], value))
    return out


def draw(log: Path, out: Path, columns: int = 3) -> None:
    curves = series(log)
    rows = -(-len(curves) // columns)
    w, h = PANEL
    image = Image.new("RGB", (w * columns, h * rows), "white")
    pen = ImageDraw.Draw(image)
    for n, (name, points) in enumerate(sorted(curves.items())):
        left, top = (n % columns) * w, (n // columns) * h
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        x0, x1, y0, y1 = min(xs), max(max(xs), min(xs) + 1), min(ys), max(ys)
        y1 = y1 if y1 > y0 else y0 + 1
        place = lambda x, y, left=left, top=top, x0=x0, x1=x1, y0=y0, y1=y1: (  # noqa: E731
            left + MARGIN + (x - x0) / (x1 - x0) * (w - MARGIN - 14),
            top + h - 30 - (y - y0) / (y1 - y0) * (h - 60),
        )
        pen.rectangle([place(x0, y1), place(x1, y0)], outline="#999999")
        dots = [place(x, y) for x, y in points]
        if len(dots) > 1:
            pen.line(dots, fill="#1f5fbf", width=2)
        for x, y in dots if len(dots) < 30 else dots[-1:]:
            pen.ellipse([x - 2, y - 2, x + 2, y + 2], fill="#1f5fbf")
        pen.text((left + MARGIN, top + 8), f"{name}: {ys[0]:.3g} to {ys[-1]:.3g}", fill="black")
        pen.text((left + 4, top + 26), f"{y1:.3g}", fill="black")
        pen.text((left + 4, top + h - 38), f"{y0:.3g}", fill="black")
        pen.text((left + MARGIN, top + h - 24), f"step {x0:.0f} to {x1:.0f}", fill="black")
    image.save(out)
