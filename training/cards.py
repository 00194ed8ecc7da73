"""Model cards in Markdown: a title, a sentence that does not flatter, and sections of text and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def model_card(title: str, sentence: str, sections: Mapping[str, str]) -> str:
    """A card with its sections in the order given, each a heading and Markdown."""
    parts = [f"# {title}", f"**{sentence}**"]
    parts += [f"## {heading}\n\n{text.strip()}" for heading, text in sections.items()]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; cells beyond the first column are aligned to the right, as numbers are."""
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(_row(cells) for cells in (header, aligned, *rows))


def bullets(lines: Sequence[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
