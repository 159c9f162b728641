"""The pacer stays within its bounds, grows slowly, shrinks at once, and meets its target without exceeding it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stagenorm_pipeline.config.pacing import AUTO_BATCH_ROWS, Pacing
from stagenorm_pipeline.engine.apply.pacing import Pacer

TARGET_MS = 500
TIMES = st.floats(0, 100_000, allow_nan=False)
# What transactions of the allowed rows took, or of fewer of them (the end of a fund).
HISTORIES = st.lists(st.tuples(st.floats(0.01, 1), TIMES), max_size=40)


def after(history: list[tuple[float, float]]) -> Pacer:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    for share, milliseconds in history:
        pacer.note(max(1, int(share * pacer.rows)), milliseconds)
    return pacer


def paced(pacer: Pacer, overhead_ms: float, row_ms: float, transactions: int) -> list[float]:
    """Simulate full transactions with rows of equal cost, and return their times."""
    times = []
    for _ in range(transactions):
        times.append(overhead_ms + row_ms * pacer.rows)
        pacer.note(pacer.rows, times[-1])
    return times


@settings(max_examples=50)
@given(HISTORIES)
def test_group_size_stays_between_one_batch_and_the_limit(history: list[tuple[float, float]]) -> None:
    pacer = after(history)
    pacer.slow_down()
    assert AUTO_BATCH_ROWS <= pacer.rows <= Pacing().max_rows
    assert AUTO_BATCH_ROWS <= after(history).rows <= Pacing().max_rows


@settings(max_examples=50)
@given(HISTORIES, TIMES)
def test_group_size_grows_by_at_most_a_fifth_near_the_target(
    history: list[tuple[float, float]], milliseconds: float
) -> None:
    pacer = after(history)
    before = pacer.rows
    pacer.note(before, milliseconds)
    assert pacer.rows <= before * (1.2 if milliseconds >= TARGET_MS / 4 else 2) + 1


@settings(max_examples=50)
@given(HISTORIES, st.floats(0.01, 1), st.floats(TARGET_MS * 1.001, 100_000))
def test_one_slow_transaction_shrinks_the_group_size(
    history: list[tuple[float, float]], share: float, milliseconds: float
) -> None:
    pacer = after(history)
    rows = max(1, int(share * pacer.rows))
    pacer.note(rows, milliseconds)
    assert pacer.rows <= max(AUTO_BATCH_ROWS, rows * TARGET_MS / milliseconds)


@settings(max_examples=50)
@given(HISTORIES, st.floats(TARGET_MS * 0.9, TARGET_MS))
def test_group_size_is_stable_close_to_the_target(history: list[tuple[float, float]], milliseconds: float) -> None:
    pacer = after(history)
    before = pacer.rows
    pacer.note(before, milliseconds)
    assert pacer.rows == before


@settings(max_examples=50)
@given(st.floats(0, 100), st.floats(0.001, 0.5))
def test_group_size_meets_the_target_within_fifty_transactions(overhead_ms: float, row_ms: float) -> None:
    """With rows of equal cost no transaction exceeds the target."""
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    times = paced(pacer, overhead_ms, row_ms, 50)
    assert max(times) <= TARGET_MS
    assert times[-1] >= 0.85 * TARGET_MS or pacer.rows == Pacing().max_rows


@settings(max_examples=50)
@given(st.floats(0.001, 0.4), st.floats(1.5, 50))
def test_slower_rows_make_only_one_transaction_too_long(row_ms: float, dearer: float) -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 0, row_ms, 60)
    row_ms *= dearer
    times = paced(pacer, 0, row_ms, 60)
    assert max(times[1:]) <= max(TARGET_MS, row_ms * AUTO_BATCH_ROWS)


def test_group_size_recovers_from_one_slow_transaction() -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 5, 0.03, 30)
    settled = pacer.rows
    pacer.note(settled, 20 * TARGET_MS)
    assert pacer.rows < settled / 15
    paced(pacer, 5, 0.03, 12)
    assert pacer.rows > 0.9 * settled


def test_small_last_group_does_not_change_the_size() -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 0, 0.05, 30)
    before = pacer.rows
    pacer.note(20, 15)
    assert pacer.rows == before


def test_group_size_is_halved_after_users_waited() -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 0, 0.05, 30)
    before = pacer.rows
    pacer.slow_down()
    assert pacer.rows == before // 2
