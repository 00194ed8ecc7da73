"""The recommender's plots: a map of the books by meaning, and what other weights would have found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from features.lens import is_no_category
from features.recommender import BookRecommender
from features.respects import CATEGORY, MEANING, RESPECTS, WORDS
from training.co_reading import SINGLE
from training.judging import by_relations
from training.retrieval import by_weights, likeness_of_halves

_COLOURS = (0, 1, 2, 3, 4, 5, 6, 8, 9)  # of tab10, whose grey would look like the rest
_MOST_POINTS = 3_000  # t-SNE takes a minute for more
_FEWEST_FOR_NEIGHBOURS = 20
_SHARES = tuple(round(0.1 * step, 1) for step in range(11))
_CATEGORY_WEIGHTS = (0.0, 0.05, 0.1, 0.2)
_REST, _CHOSEN = "#d0d0d0", "#c8372d"


def recommender_figures(
    model: BookRecommender,
    held_out: pd.DataFrame,
    given: Mapping[str, float],
    measured: Mapping[str, float],
    seed: int,
) -> Mapping[str, Figure]:
    """Figures by file name; of halves and of what readers also read only where a model is judged by them."""
    found = {"map": book_map(model, seed), "weights": weights(model, given)}
    if not by_relations(held_out):
        found["halves"] = halves(model, held_out)
    return found | ({"co_reading": co_reading(measured)} if "co_reading_gain" in measured else {})


def book_map(model: BookRecommender, seed: int) -> Figure:
    """Each book by its embedding, near its like, coloured by the categories with most books."""
    shown = np.random.default_rng(seed).permutation(len(model.book_ids))[:_MOST_POINTS]
    places, method = _in_the_plane(model.embeddings[shown], seed)
    names = [model.categories[row] for row in shown]
    counted = Counter(name for name in names if not is_no_category(name))
    largest = [name for name, _ in counted.most_common(len(_COLOURS))]
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    axes = figure.subplots()
    rest = np.array([name not in largest for name in names])
    axes.scatter(
        places[rest, 0], places[rest, 1], s=10, color=_REST, linewidths=0, label=f"others ({rest.sum()})"
    )
    for place, name in zip(_COLOURS, largest, strict=False):
        chosen = np.array([other == name for other in names])
        axes.scatter(
            places[chosen, 0],
            places[chosen, 1],
            s=22,
            color=colormaps["tab10"](place),
            linewidths=0,
            alpha=0.85,
            label=f"{name} ({chosen.sum()})",
        )
    axes.set_title(f"{len(shown)} books by the meaning of their descriptions ({method})", fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    figure.legend(loc="outside right upper", fontsize=9, title="category (books)", frameon=False)
    return figure


def halves(model: BookRecommender, held_out: pd.DataFrame) -> Figure:
    """Mean reciprocal rank on the held-out halves by the embedding's share, a line a category weight."""
    likeness = likeness_of_halves(model, held_out)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    colours = colormaps["Blues"](np.linspace(0.35, 0.95, len(_CATEGORY_WEIGHTS)))
    for colour, category_weight in zip(colours, _CATEGORY_WEIGHTS, strict=True):
        found = by_weights(likeness, category_weight, _SHARES)
        axes.plot(_SHARES, found, color=colour, marker="o", markersize=3, label=f"{category_weight:g}")
    meaning, words, category = (max(model.shares.get(name, 0), 0) for name in (MEANING, WORDS, CATEGORY))
    if meaning + words > 0:
        share = meaning / (meaning + words)
        category /= meaning + words + category
        axes.plot(
            share, *by_weights(likeness, category, [share]), marker="D", color=_CHOSEN, linestyle="none",
            label=f"this model ({category:.2g})",
        )  # fmt: skip
    axes.set_xlabel(
        "share of the embedding in what the category leaves: 0 is TF-IDF alone, 1 the embedding alone"
    )
    axes.set_ylabel("mean reciprocal rank")
    axes.set_title(
        f"Finding the other half of {len(held_out)} descriptions, by the blend's weights", fontsize=10
    )
    axes.legend(title="weight of the category", fontsize=8)
    return figure


def weights(model: BookRecommender, given: Mapping[str, float]) -> Figure:
    """The weight of each respect as it was given and as it was learnt, both as shares."""
    names = [name for name in RESPECTS if given.get(name) or model.shares.get(name)]
    total = sum(given.values())
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    axes.barh(places - 0.2, [given.get(name, 0) / total for name in names], 0.38, color=_REST, label="given")
    axes.barh(
        places + 0.2, [model.shares.get(name, 0) for name in names], 0.38, color=_CHOSEN, label="learnt"
    )
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("share of the score")
    axes.set_title("What nearness is made of", fontsize=10)
    axes.legend(fontsize=9)
    return figure


def co_reading(measured: Mapping[str, float]) -> Figure:
    """NDCG@10 and Recall@10 on what readers also read: the blend, each single part and chance."""
    ways = ("", *(f"baseline_{name}_" for name in (*SINGLE, "random")))
    names = ["blend", *(name.replace("_", " ") for name in (*SINGLE, "random"))]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    for axes, what in zip(figure.subplots(1, 2), ("ndcg", "recall"), strict=True):
        found = [measured[f"{way}co_reading_{what}_at_10"] for way in ways]
        bars = axes.bar(names, found, color=[_CHOSEN, *[_REST] * (len(ways) - 1)])
        axes.bar_label(bars, fmt="%.3f", fontsize=8)
        axes.tick_params(axis="x", labelrotation=30, labelsize=8)
        axes.set_title(f"{what.upper() if what == 'ndcg' else what.title()}@10", fontsize=10)
    figure.suptitle(f"What readers also read, of {measured['co_reading_queries']:.0f} books", fontsize=10)
    return figure


def _in_the_plane(vectors: NDArray[np.float32], seed: int) -> tuple[NDArray[np.float64], str]:
    """Places (n, 2), and how they were found."""
    if len(vectors) < _FEWEST_FOR_NEIGHBOURS:
        flat = PCA(n_components=min(2, *vectors.shape), random_state=seed).fit_transform(vectors)
        return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1]))), "PCA"
    perplexity = min(30, (len(vectors) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", metric="cosine", random_state=seed)
    return np.asarray(tsne.fit_transform(vectors), dtype=np.float64), "t-SNE: only nearness means something"
