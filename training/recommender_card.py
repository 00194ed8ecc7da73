"""The recommender's card: what it blends, what that finds beside its parts alone, what it does not know."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from features.lens import is_no_category
from features.recommender import BookRecommender
from features.respects import RESPECTS
from training.cards import bullets, model_card, table
from training.dataset import TrainingSet
from training.judging import by_relations
from training.neighbours import Neighbours

_SENTENCE = (
    "The books nearest to books that are liked, or to a text, by what is written about them and by whom."
)

_CALL = """```python
import mlflow, pandas as pd

model = mlflow.sklearn.load_model("models:/recommender@champion")
model.recommend(1, 5)    # the five books most like book 1, best first
wish = model.wish(like=[1, 2], dislike=[3])
near = model.nearest(wish, 5, diversity=0.3)
model.why(wish, [one.book_id for one in near])
model.predict(pd.DataFrame([{"book_id": 1, "limit": 5}]))
```"""

_BY_HALVES = (
    "descriptions, chosen by a hash of the book's id, are cut in two between sentences. The first half "
    "asks, the second halves of all of them are the candidates, and the other half of the same description "
    "is the one right answer. Titles are left out. Equal scores count as the mean of every order. Halves are "
    "compared by meaning, words and category, not by what a book shares with itself alone. The category is "
    "known for both, which flatters it alone and in the blend."
)
_BY_RELATIONS = (
    "books, chosen by a hash of the book's id, ask for each other, because too few descriptions can be cut "
    "in two: for those of their author, or, where none is there, of their category. The respects that tell "
    "of what is asked for are hidden, author and series or category and genre. Each right answer is placed "
    "among the books that are none, and of several it is the mean. Such scores are lower than those of "
    "halves of descriptions, and say less: books of one author need not be alike."
)

_ROWS = (
    ("the blend", ""),
    ("same category (the baseline)", "baseline_same_category_"),
    ("embedding alone", "baseline_embedding_"),
    ("TF-IDF alone", "baseline_tfidf_"),
    ("random", "baseline_random_"),
)


def recommender_card(
    data: TrainingSet,
    model: BookRecommender,
    measured: Mapping[str, float],
    held_out: pd.DataFrame,
    neighbours: Neighbours | None = None,
) -> str:
    """Markdown; `measured` are the scores on the rows that are held out, and on the neighbours."""
    sections = {
        "Model": _about(model),
        "Weights": _weights(model, neighbours),
        "Data": _data(data),
        "Scores": _scores(measured, held_out),
        "What readers also read": _readers(measured, neighbours),
        "Intended use": (
            "Books to show beside a book. It orders the catalogue by likeness; it does not tell whether "
            "anybody would like them."
        ),
        "Limits": _limits(neighbours, by_relations(held_out)),
        "How to call it": _CALL,
    }
    return model_card("Books like a book", _SENTENCE, sections)


def _about(model: BookRecommender) -> str:
    how = "Exact search"
    if model.index is not None:
        how = (
            f"Search by an approximate index, which finds {model.index.recall:.1%} of the ten nearest "
            "vectors (measured on 200 of its own), and exact scores of what it finds,"
        )
    return (
        f"{how} over {len(model.book_ids)} books. The score of two books is the weighted mean of the cosines "
        "below. Several books that are liked ask as their mean, less half the mean of those that are "
        "disliked; a text asks as one more book, by meaning, words and topics. Never a book that was named, "
        "another edition of it, or a book described in nearly the same words."
    )


def _weights(model: BookRecommender, neighbours: Neighbours | None) -> str:
    learnt = (
        "Learnt from half of what readers also read (below); a weight below 0 speaks against a book."
        if neighbours
        else "Learnt from what the catalogue tells by itself: volumes of one series, books of one author and "
        "books of one category have to come before others, each without the respects that made the list, and "
        "without the books that the scores below are of. Held to weights that were set by hand."
    )
    shares = sorted(model.shares.items(), key=lambda one: -abs(one[1]))
    rows = [(f"{name}: {RESPECTS[name]}", f"{share:+.3f}") for name, share in shares]
    return f"{learnt}\n\n{table(('what is compared', 'weight'), rows)}"


def _data(data: TrainingSet) -> str:
    frame = data.frame
    unplaced = sum(is_no_category(name) for name in frame["category"])
    return bullets(
        [
            f"{len(frame)} books in {frame['category'].nunique()} categories",
            f"books in categories that only say there is none, such as `Default`: {unplaced}",
            f"books without a description, known by their title: {int((frame['description'] == '').sum())}",
            f"from {data.source or ', '.join(sorted(set(data.sources)))}",
            f"Feast feature service `{data.service}` as of {data.as_of.isoformat()}",
            f"catalogue snapshot {data.snapshot_id}, SHA-256 of the rows `{data.sha256}`",
        ]
    )


def _scores(measured: Mapping[str, float], held_out: pd.DataFrame) -> str:
    told = f"{len(held_out)} {_BY_RELATIONS if by_relations(held_out) else _BY_HALVES}"
    rows = [
        (name, f"{measured[f'{prefix}mrr']:.3f}", f"{measured[f'{prefix}recall_at_10']:.3f}")
        for name, prefix in _ROWS
    ]
    gain = (
        f"The blend's reciprocal rank is {measured['gain_mrr']:+.3f} over its better part alone, 95 % "
        f"interval {measured['gain_mrr_low']:+.3f} to {measured['gain_mrr_high']:+.3f}."
    )
    parts = [told, table(("", "mean reciprocal rank", "Recall@10"), rows), gain]
    if "category_agreement_at_10" in measured:
        parts.append(
            f"Of the ten nearest books, {measured['category_agreement_at_10']:.1%} are of the book's own "
            f"category; of books drawn at random, {measured['baseline_category_agreement_at_10']:.1%}."
        )
    return "\n\n".join(parts)


def _readers(measured: Mapping[str, float], neighbours: Neighbours | None) -> str:
    if neighbours is None:
        return (
            "Not measured: no lists were given. `python -m training recommender --neighbours FILE` "
            "learns from half of a file of `book_id,neighbours` and judges by the other half."
        )
    told = (
        f"{neighbours}. The {measured['co_reading_queries']:.0f} books judged by that have an answer "
        "which may be recommended ask; all other books are the candidates. Editions of one title are on one "
        "side, and no list learnt from names a book that is judged by."
    )
    rows = [
        (name, *(f"{measured[f'{prefix}co_reading_{what}_at_10']:.3f}" for what in ("ndcg", "recall")))
        for name, prefix in _ROWS
    ]
    gain = (
        f"The blend's NDCG@10 is {measured['co_reading_gain']:+.1%} over the best single part's, 95 % "
        f"interval {measured['co_reading_gain_low']:+.1%} to {measured['co_reading_gain_high']:+.1%}."
    )
    return "\n\n".join([told, table(("", "NDCG@10", "Recall@10"), rows), gain])


def _limits(neighbours: Neighbours | None, related: bool) -> str:
    finding = (
        "finding books of one author or category rewards what their texts have in common"
        if related
        else "finding the other half of a description rewards names that occur in both"
    )
    readers = (
        "what readers also read was seen for the listed books alone"
        if neighbours
        else f"nobody's reading went into it: {finding}, and what readers who liked one book also like was "
        "not measured"
    )
    return bullets(
        [
            readers,
            "it knows the books of one snapshot: a later one has no neighbours until the next training",
            "English stop words are left out of TF-IDF; other languages keep theirs",
            "two works of one title are taken for editions where an author is not known, and never "
            "recommended for each other",
            "a series is known where its volumes are numbered in their titles",
        ]
    )
