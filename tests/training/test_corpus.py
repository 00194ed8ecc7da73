"""A corpus is checked row by row, and split so that twins stay together and splits stay as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bookshelf.errors import TrainingError
from features.sentiment import LABELS
from training.corpus import BUNDLED, corpus_hash, groups_of, held_out_texts, kinds_of, load_corpus
from training.hand_labels import HAND_LABELS, REPORT, load_hand_labels
from training.yardsticks import load_yardsticks


def rows(each: int = 20) -> pd.DataFrame:
    pairs = [(f"{label} text {number}", label) for number in range(each) for label in LABELS]
    return pd.DataFrame(pairs, columns=["text", "label"])


def written(frame: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return str(path)


def test_the_bundled_corpus_is_large_balanced_and_each_text_once() -> None:
    corpus = load_corpus(BUNDLED)
    assert len(corpus) >= 8_000
    assert not corpus["text"].duplicated().any()
    assert corpus["label"].value_counts(normalize=True).min() > 0.2
    assert (corpus["part"] != "").all()
    assert len(corpus.query("part != 'frames'")) > 4_000
    assert (corpus.loc[corpus["part"] == "twins", "group"] != "").all()


@pytest.mark.parametrize("name", ["corpus.csv", "corpus.parquet"])
def test_csv_and_parquet_give_the_same_corpus(tmp_path: Path, name: str) -> None:
    corpus = load_corpus(written(rows(), tmp_path / name))
    assert corpus["text"].tolist() == rows()["text"].tolist()
    assert set(corpus["part"]) == set(corpus["group"]) == {""}


def test_repetitions_are_dropped(tmp_path: Path) -> None:
    twice = pd.concat([rows(), rows()])
    corpus = load_corpus(written(twice, tmp_path / "corpus.csv"))
    assert corpus_hash(corpus) == corpus_hash(load_corpus(written(rows(), tmp_path / "once.csv")))


def test_a_text_of_two_labels_is_named_by_its_rows_in_the_file(tmp_path: Path) -> None:
    yardstick = load_yardsticks()["text"].iloc[0]
    told = [(yardstick, "positive"), ("Not sure", "positive"), ("Not sure", "negative")]
    unlike = pd.concat([pd.DataFrame(told, columns=["text", "label"]), rows()])
    with pytest.raises(TrainingError, match=r"rows 2, 3, column 'label': the same text has two labels"):
        load_corpus(written(unlike, tmp_path / "corpus.csv"))


def test_a_wrong_label_is_named_with_its_row(tmp_path: Path) -> None:
    wrong = rows()
    wrong.loc[4, "label"] = "postive"
    with pytest.raises(TrainingError, match=r"row 5, column 'label': must be .* got 'postive'"):
        load_corpus(written(wrong, tmp_path / "corpus.csv"))


@pytest.mark.parametrize("name", ["corpus.csv", "corpus.parquet"])
@pytest.mark.parametrize("cell", ["", "   ", None])
def test_an_empty_text_is_named_with_its_row(tmp_path: Path, name: str, cell: str | None) -> None:
    texts = [cell if row == 1 else text for row, text in enumerate(rows()["text"])]
    wrong = rows().assign(text=pd.Series(texts, dtype=object))
    with pytest.raises(TrainingError, match=r"row 2, column 'text': must be a text"):
        load_corpus(written(wrong, tmp_path / name))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="column 'label' is missing"):
        load_corpus(written(rows().rename(columns={"label": "tone"}), tmp_path / "corpus.csv"))


def test_a_text_of_two_labels_is_named_with_its_rows(tmp_path: Path) -> None:
    wrong = rows()
    wrong.loc[3, "text"] = "neutral text 0"
    with pytest.raises(TrainingError, match=r"rows 2, 4, column 'label'"):
        load_corpus(written(wrong, tmp_path / "corpus.csv"))


def test_a_label_without_enough_texts_is_named(tmp_path: Path) -> None:
    few = rows().query("label != 'neutral'")
    with pytest.raises(TrainingError, match="20 neutral texts at least are needed, got 0"):
        load_corpus(written(few, tmp_path / "corpus.csv"))


def test_a_file_that_is_not_there_or_no_table_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no corpus"):
        load_corpus(str(tmp_path / "none.csv"))
    for name in ("broken.parquet", "broken.csv"):
        (tmp_path / name).write_bytes(b'\xff\xfe"')
        with pytest.raises(TrainingError, match="cannot be read"):
            load_corpus(str(tmp_path / name))


def test_twins_are_never_parted() -> None:
    corpus = load_corpus(BUNDLED)
    kept = held_out_texts(corpus, 0.2)
    sides = pd.Series(kept).groupby(np.array(groups_of(corpus))).nunique()
    assert sides.max() == 1
    assert 0.15 < kept.mean() < 0.27


def test_the_same_texts_are_held_out_whatever_comes_and_goes() -> None:
    corpus = load_corpus(BUNDLED)
    alone = corpus[corpus["group"] == ""].reset_index(drop=True)
    before = set(alone["text"][held_out_texts(alone, 0.2)])
    shuffled = alone.sample(frac=0.5, random_state=0)
    after = set(shuffled["text"][held_out_texts(shuffled, 0.2)])
    assert after == before & set(shuffled["text"])


def test_a_yardstick_is_never_learnt_from(tmp_path: Path) -> None:
    yardsticks = load_yardsticks()[["text", "label"]].head(5)
    yardsticks["text"] = yardsticks["text"].str.upper() + "  "
    mixed = load_corpus(written(pd.concat([rows(), yardsticks]), tmp_path / "mixed.csv"))
    assert mixed["text"].tolist() == rows()["text"].tolist()


def test_where_parts_are_few_or_missing_each_group_is_a_kind() -> None:
    corpus = rows().assign(part="", group="")
    assert kinds_of(corpus, 2) == groups_of(corpus)
    parted = corpus.assign(part=["films", "food"] * 30)
    assert kinds_of(parted, 2) == list(parted["part"])
    assert kinds_of(parted, 3) == groups_of(parted)


def test_there_are_enough_hand_labels_to_report_on() -> None:
    labels = load_hand_labels()
    assert len(labels) == 300
    assert (labels["use"] == REPORT).sum() == 200


def test_a_wrong_hand_label_is_named_with_its_row(tmp_path: Path) -> None:
    wrong = pd.read_csv(HAND_LABELS)
    wrong.loc[2, "label"] = "glad"
    with pytest.raises(TrainingError, match="row 3, column 'label'"):
        load_hand_labels(Path(written(wrong, tmp_path / "labels.csv")))
