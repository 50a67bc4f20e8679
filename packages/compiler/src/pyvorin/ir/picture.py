"""Pictures of a control-flow graph: Graphviz text, and SVG that needs no other program."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import Block, Function
from pyvorin.ir.text import write_block

_ROW = 16  # height of a line, in pixels
_CHAR = 7.3  # width of a character of the 12 px monospaced font
_GAP = 28  # between boxes
_LANE = 14  # between edges that run beside the boxes
_SHOWN = 110  # characters of an operation


def dot(function: Function) -> str:
    """The graph in Graphviz's language: one box a block, back edges dashed."""
    lines = [f"digraph {_quoted(function.name)} {{", "  node [shape=box fontname=monospace]"]
    for block in function.blocks:
        text = "".join(f"{line}\\l" for line in map(_escaped, _lines(block)))
        lines.append(f'  {_quoted(block.label)} [label="{text}"]')
    for source, target, kind, back in _edges(function):
        style = " style=dashed" if back else ""
        names = f"{_quoted(source.label)} -> {_quoted(target.label)}"
        lines.append(f"  {names} [label={_quoted(kind)}{style}]")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _lines(block: Block) -> list[str]:
    """The block as text without frame states."""
    return [line.split(" [", 1)[0][:_SHOWN] for line in write_block(block)]


def _edges(function: Function) -> Iterator[tuple[Block, Block, str, bool]]:
    """(from, to, what for, is it a back edge?)."""
    dominance = Dominance(function)
    for block in function.blocks:
        edges = block.terminator.edges
        kinds = ("true", "false") if len(edges) == 2 else ("",)
        for edge, kind in zip(edges, kinds, strict=False):
            yield block, edge.block, kind, dominance.dominates(edge.block, block)


def svg(function: Function) -> str:
    """The graph as an SVG document: blocks in order, forward edges right of them, back edges left.

    Each edge has a lane of its own, so that none hides another.
    """
    edges = list(_edges(function))
    left = _GAP + _LANE * sum(back for *_, back in edges)
    tops, height = _tops(function)
    width = max(len(line) for block in function.blocks for line in _lines(block)) * _CHAR + 16
    right = left + width
    full = right + _LANE * len(edges) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{full:.0f}" height="{height}" '
        'font-family="monospace" font-size="12">',
        f"<title>{escape(function.name)}</title>",
    ]
    for block in function.blocks:
        parts += _box(block, left, tops[block], width)
    lanes = {True: 0, False: 0}
    for source, target, kind, back in edges:
        lanes[back] += 1
        side = left if back else right
        lane = side - _LANE * lanes[back] if back else side + _LANE * lanes[back]
        start = tops[source] + _height(source) - 8
        parts += _path(side, lane, start, tops[target] + 8, kind)
    return "\n".join([*parts, "</svg>", ""])


def _height(block: Block) -> int:
    return _ROW * len(_lines(block)) + 10


def _tops(function: Function) -> tuple[dict[Block, int], int]:
    """Where each box starts, and the height of the picture."""
    tops: dict[Block, int] = {}
    at = _GAP
    for block in function.blocks:
        tops[block] = at
        at += _height(block) + _GAP
    return tops, at


def _box(block: Block, x: float, y: int, width: float) -> Iterator[str]:
    yield (
        f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{_height(block)}" '
        'fill="#f8f8f8" stroke="#444"/>'
    )
    for number, line in enumerate(_lines(block), 1):
        text = escape(line).replace(" ", "\u00a0")
        yield f'<text x="{x + 8:.0f}" y="{y + _ROW * number}">{text}</text>'


def _path(side: float, lane: float, start: int, end: int, kind: str) -> Iterator[str]:
    """A line out of a box, along its lane, and into another; a dot marks where it arrives."""
    colour = {"true": "#080", "false": "#b00"}.get(kind, "#444")
    points = f"M{side:.0f} {start} H{lane:.0f} V{end} H{side:.0f}"
    yield f'<path d="{points}" fill="none" stroke="{colour}"/>'
    yield f'<circle cx="{side:.0f}" cy="{end}" r="3" fill="{colour}"/>'
