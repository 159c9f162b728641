"""The pacer's laws: it stays in its bounds, grows gently, shrinks at once, and meets its target without passing it."""

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
    """The times of transactions that each take all they may, a row costing always the same."""
    times = []
    for _ in range(transactions):
        times.append(overhead_ms + row_ms * pacer.rows)
        pacer.note(pacer.rows, times[-1])
    return times


@settings(max_examples=50)
@given(HISTORIES)
def test_what_a_transaction_may_take_stays_between_one_batch_and_the_limit(history: list[tuple[float, float]]) -> None:
    pacer = after(history)
    pacer.slow_down()
    assert AUTO_BATCH_ROWS <= pacer.rows <= Pacing().max_rows
    assert AUTO_BATCH_ROWS <= after(history).rows <= Pacing().max_rows


@settings(max_examples=50)
@given(HISTORIES, TIMES)
def test_it_grows_by_a_fifth_at_most_unless_it_is_far_below_its_target(
    history: list[tuple[float, float]], milliseconds: float
) -> None:
    pacer = after(history)
    before = pacer.rows
    pacer.note(before, milliseconds)
    assert pacer.rows <= before * (1.2 if milliseconds >= TARGET_MS / 4 else 2) + 1


@settings(max_examples=50)
@given(HISTORIES, st.floats(0.01, 1), st.floats(TARGET_MS * 1.001, 100_000))
def test_one_transaction_beyond_the_target_is_enough_to_shrink_to_what_would_have_met_it(
    history: list[tuple[float, float]], share: float, milliseconds: float
) -> None:
    pacer = after(history)
    rows = max(1, int(share * pacer.rows))
    pacer.note(rows, milliseconds)
    assert pacer.rows <= max(AUTO_BATCH_ROWS, rows * TARGET_MS / milliseconds)


@settings(max_examples=50)
@given(HISTORIES, st.floats(TARGET_MS * 0.9, TARGET_MS))
def test_between_nine_tenths_of_the_target_and_the_target_nothing_changes(
    history: list[tuple[float, float]], milliseconds: float
) -> None:
    pacer = after(history)
    before = pacer.rows
    pacer.note(before, milliseconds)
    assert pacer.rows == before


@settings(max_examples=50)
@given(st.floats(0, 100), st.floats(0.001, 0.5))
def test_where_rows_cost_the_same_the_target_is_met_within_fifty_transactions_and_never_passed(
    overhead_ms: float, row_ms: float
) -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    times = paced(pacer, overhead_ms, row_ms, 50)
    assert max(times) <= TARGET_MS
    assert times[-1] >= 0.85 * TARGET_MS or pacer.rows == Pacing().max_rows


@settings(max_examples=50)
@given(st.floats(0.001, 0.4), st.floats(1.5, 50))
def test_after_rows_have_become_dearer_one_transaction_is_too_long_and_no_other(row_ms: float, dearer: float) -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 0, row_ms, 60)
    row_ms *= dearer
    times = paced(pacer, 0, row_ms, 60)
    assert max(times[1:]) <= max(TARGET_MS, row_ms * AUTO_BATCH_ROWS)


def test_one_hiccup_costs_a_few_transactions_and_not_the_rest_of_the_run() -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 5, 0.03, 30)
    settled = pacer.rows
    pacer.note(settled, 20 * TARGET_MS)
    assert pacer.rows < settled / 15
    paced(pacer, 5, 0.03, 12)
    assert pacer.rows > 0.9 * settled


def test_the_small_last_group_of_a_fund_says_nothing_about_a_large_one() -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 0, 0.05, 30)
    before = pacer.rows
    pacer.note(20, 15)
    assert pacer.rows == before


def test_where_users_waited_half_as_much_is_taken() -> None:
    pacer = Pacer(Pacing(target_ms=TARGET_MS))
    paced(pacer, 0, 0.05, 30)
    before = pacer.rows
    pacer.slow_down()
    assert pacer.rows == before // 2
