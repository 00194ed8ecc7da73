"""What benchmarks compute from their measurements. Nothing here is timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

import pytest

from benchmarks.load import call_times, calls_per_second
from benchmarks.measure import Comparison, Metric, Series, Way, compare, percentile, take_turns

SPEED = Metric("speed", "books/s", higher_is_better=True)
LENGTH = Metric("length", "cm", higher_is_better=False)


def say_nothing(_line: str) -> None: ...


def a_way(label: str, *values: float, metric: Metric = SPEED, log: list[str] | None = None) -> Way:
    """A way that measures the given values, one a round, and notes in `log` when it is its turn."""
    coming = iter(values)

    def measure() -> Mapping[Metric, float]:
        if log is not None:
            log.append(label)
        return {metric: next(coming)}

    return Way(label, measure)


def a_comparison(baseline: tuple[float, ...], ours: tuple[float, ...]) -> Comparison:
    return Comparison(SPEED, Series("plain", baseline), Series("ours", ours))


def test_two_ways_take_turns_in_every_round() -> None:
    log: list[str] = []
    take_turns([a_way("A", 1, 2, 3, log=log), a_way("B", 4, 5, 6, log=log)], 3, say_nothing)
    assert log == ["A", "B", "A", "B", "A", "B"]


def test_three_ways_take_turns_in_the_order_given() -> None:
    log: list[str] = []
    ways = [a_way(label, 1, 2, log=log) for label in "CAB"]
    take_turns(ways, 2, say_nothing)
    assert log == ["C", "A", "B", "C", "A", "B"]


def test_each_way_keeps_its_values_in_the_order_of_the_rounds() -> None:
    taken = take_turns([a_way("A", 1, 9, 2), a_way("B", 4, 8, 6)], 3, say_nothing)
    assert [reading[SPEED] for reading in taken["A"]] == [1, 9, 2]
    assert [reading[SPEED] for reading in taken["B"]] == [4, 8, 6]


def test_every_round_is_told_as_it_ends() -> None:
    said: list[str] = []
    take_turns([a_way("A", 1.5, 3), a_way("B", 2, 4)], 2, said.append)
    assert said == [
        "  round 1/2: A 1.5 books/s | B 2 books/s",
        "  round 2/2: A 3 books/s | B 4 books/s",
    ]


@pytest.mark.parametrize("rounds", [0, -1])
def test_no_rounds_are_no_measurement(rounds: int) -> None:
    with pytest.raises(ValueError, match="rounds must be 1 or more"):
        take_turns([a_way("A"), a_way("B")], rounds, say_nothing)


def test_two_ways_of_one_label_cannot_be_told_apart() -> None:
    with pytest.raises(ValueError, match="same label"):
        take_turns([a_way("A", 1), a_way("A", 2)], 1, say_nothing)


def test_the_median_and_the_spread_are_those_of_the_values() -> None:
    series = Series("A", (5.0, 1.0, 100.0))
    assert (series.median, series.low, series.high) == (5.0, 1.0, 100.0)


def test_the_median_of_an_even_number_of_rounds_lies_in_between() -> None:
    assert Series("A", (1.0, 2.0, 4.0, 100.0)).median == 3.0


def test_a_series_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was measured of 'A'"):
        Series("A", ())


def test_the_ratio_is_our_median_over_the_baselines() -> None:
    assert a_comparison(baseline=(10, 20, 90), ours=(30, 40, 50)).ratio == 2.0


def test_the_ratios_pair_the_rounds() -> None:
    assert a_comparison(baseline=(10, 20, 90), ours=(30, 40, 45)).ratios == (3.0, 2.0, 0.5)


def test_a_minute_in_which_everything_is_twice_as_slow_leaves_the_ratios_alone() -> None:
    assert a_comparison(baseline=(10, 5, 10), ours=(30, 15, 30)).ratios == (3.0, 3.0, 3.0)


def test_series_of_different_length_are_not_compared() -> None:
    with pytest.raises(ValueError, match="not measured in turns"):
        a_comparison(baseline=(1, 2), ours=(1, 2, 3))


def test_nothing_is_divided_by_a_baseline_of_zero() -> None:
    with pytest.raises(ValueError, match="above 0 books/s"):
        a_comparison(baseline=(1, 0), ours=(1, 2))


def test_every_way_of_ours_is_compared_with_the_baseline_metric_by_metric() -> None:
    def measure(speed: float, length: float) -> Callable[[], Mapping[Metric, float]]:
        return lambda: {SPEED: speed, LENGTH: length}

    found = compare(
        Way("plain", measure(1, 10)), [Way("B", measure(2, 5)), Way("C", measure(4, 20))], 1, say_nothing
    )
    assert [(one.ours.way, one.metric.name, one.ratio) for one in found] == [
        ("B", "speed", 2.0),
        ("B", "length", 0.5),
        ("C", "speed", 4.0),
        ("C", "length", 2.0),
    ]


def test_ways_that_measure_different_things_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same metrics"):
        compare(a_way("A", 1), [a_way("B", 2, metric=LENGTH)], 1, say_nothing)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 10), (0.95, 19), (0.951, 20), (1, 20), (0.05, 1), (0.01, 1)]
)
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(
    share: float, expected: int
) -> None:
    values = [float(number) for number in range(20, 0, -1)]
    assert percentile(values, share) == expected


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_a_percentile_of_nothing_or_of_no_share_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="needs values and a share"):
        percentile(values, share)


def test_every_input_is_asked_once_and_in_order_by_one_client() -> None:
    asked: list[int] = []
    assert len(call_times(asked.append, [3, 1, 2])) == 3
    assert asked == [3, 1, 2]


@pytest.mark.parametrize("clients", [1, 3, 8])
def test_several_clients_share_the_inputs_so_that_each_is_asked_once(clients: int) -> None:
    asked: list[int] = []
    calls_per_second(asked.append, range(20), clients)
    assert sorted(asked) == list(range(20))


def test_a_call_that_fails_is_no_measurement() -> None:
    calls = count()

    def fail_later(_input: int) -> None:
        if next(calls) == 5:
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        calls_per_second(fail_later, range(20), 4)
