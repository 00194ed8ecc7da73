"""Model cards in Markdown: a title, a sentence that does not flatter, and sections of text and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bookshelf.errors import TrainingError

#: What every card tells, whatever else it does.
SECTIONS = ("Data", "Scores", "Slices", "Intended use", "Limits", "How to call it")
_SCORES, _SLICES = "\n## Scores\n", "\n## Slices\n"


def model_card(title: str, sentence: str, sections: Mapping[str, str]) -> str:
    """A card with its sections in the order given, each a heading and Markdown."""
    parts = [f"# {title}", f"**{sentence}**"]
    parts += [f"## {heading}\n\n{text.strip()}" for heading, text in sections.items()]
    return "\n\n".join(parts) + "\n"


def with_slices(card: str, slices: str) -> str:
    """The card with this section of slices behind its scores, unless it has one of its own."""
    if _SLICES in card:
        return card
    head, found, rest = card.partition(_SCORES)
    scores, following, tail = rest.partition("\n## ")
    return f"{head}{found}{scores}{_SLICES}\n{slices}\n{following}{tail}"


def check_card(card: str, dataset_sha256: str) -> None:
    """Raises `TrainingError` for a card that lacks a section, or does not name its data by hash."""
    headings = {line.removeprefix("## ").strip() for line in card.splitlines() if line.startswith("## ")}
    if missing := [name for name in SECTIONS if name not in headings]:
        raise TrainingError(f"the model card must tell {', '.join(SECTIONS)}; it lacks {missing}")
    if dataset_sha256 not in card:
        raise TrainingError(f"the model card must name its data by their hash {dataset_sha256}")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; cells beyond the first column are aligned to the right, as numbers are."""
    aligned = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(_row(cells) for cells in (header, aligned, *rows))


def bullets(lines: Sequence[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
