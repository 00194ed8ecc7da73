"""The recommender's card: what it blends, what that finds beside its parts alone, what it does not know."""

from __future__ import annotations

from collections.abc import Mapping

from features.recommender import BookRecommender, is_no_category
from training.cards import bullets, model_card, table
from training.dataset import TrainingSet

_SENTENCE = (
    "The books most like one book by what is written about them. "
    "Nobody's reading went into it, and none into its scores."
)

_CALL = """```python
import mlflow, pandas as pd

model = mlflow.sklearn.load_model("models:/recommender@champion")
model.recommend(1, 5)    # the five books most like book 1, best first
model.predict(pd.DataFrame([{"book_id": 1, "limit": 5}]))
```"""

_ROWS = (
    ("the blend", ""),
    ("same category (the baseline)", "baseline_same_category_"),
    ("embedding alone", "baseline_embedding_"),
    ("TF-IDF alone", "baseline_tfidf_"),
    ("random", "baseline_random_"),
)


def recommender_card(
    data: TrainingSet, model: BookRecommender, measured: Mapping[str, float], held_out: int
) -> str:
    """Markdown; `measured` are the scores on the halves of `held_out` descriptions."""
    sections = {
        "Model": _about(model),
        "Data": _data(data),
        "Scores": _scores(measured, held_out),
        "Intended use": (
            "Books to show beside a book. It orders the catalogue by likeness; it does not tell whether "
            "anybody would like them."
        ),
        "Limits": _limits(),
        "How to call it": _CALL,
    }
    return model_card("Books like a book", _SENTENCE, sections)


def _about(model: BookRecommender) -> str:
    meaning, words, category = model.weights
    return (
        f"Exact search over {len(model.book_ids)} books. The score of two books is {meaning:.2f} times the "
        f"cosine of their descriptions' embeddings, {words:.2f} times the cosine of their TF-IDF terms "
        f"(title and description), and {category:.2f} if they are of one category. Never the book itself, "
        "another edition of its title, or a book described in nearly the same words."
    )


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


def _scores(measured: Mapping[str, float], held_out: int) -> str:
    told = (
        f"{held_out} descriptions, chosen by a hash of the book's id, are cut in two between sentences. The "
        "first half asks, the second halves of all of them are the candidates, and the other half of the "
        "same description is the one right answer. Titles are left out. Equal scores count as the mean of "
        "every order. The category is known for both halves, which flatters it alone and in the blend."
    )
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


def _limits() -> str:
    return bullets(
        [
            "finding the other half of a description rewards names that occur in both; what readers who "
            "liked one book also like was not measured, because no such data is known here",
            "it knows the books of one snapshot: a later one has no neighbours until the next training",
            "English stop words are left out of TF-IDF; other languages keep theirs",
            "two different works of one title are taken for editions and never recommended for each other",
        ]
    )
