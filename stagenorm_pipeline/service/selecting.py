"""Which part of the data an operation is about: targets and funds, as a user names them."""

from __future__ import annotations

from dataclasses import dataclass, field

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.targets import fund_lookup
from stagenorm_pipeline.engine.targets.fund_lookup import find_fund, is_known
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.service.context import ServiceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The targets and funds of an operation. `is_one_table`: a table was named.

    `has_no_rows`: rows without a fund were asked for, and there are none.
    """

    targets: tuple[TargetSetting, ...]
    scope: FundScope = field(default_factory=FundScope)
    is_one_table: bool = False
    has_no_rows: bool = False


def read_fund_ids(context: ServiceContext) -> set[str | None]:
    """Read the ids of all funds in the targets, with None if some rows have no fund. One scan per target."""
    return fund_lookup.read_fund_ids(context.database, context.targets())


def select(
    context: ServiceContext, *, table: str | None = None, fund: str | None = None, without_fund: bool = False
) -> Selection:
    """Find the targets and funds that a user names.

    `table`: a table, `schema.table` or `schema.table.column`. `fund`: an id (`12`) or a key (`fund-12`, `no-fund`).
    `without_fund`: the rows without a fund. Raises ConfigurationError for a table or fund that does not exist.
    """
    targets = context.targets(table)
    is_one_table = table is not None
    if fund is not None:
        scope = find_fund(context.database, targets, fund)
        return Selection(targets=targets, scope=scope, is_one_table=is_one_table)
    if without_fund:
        scope = FundScope.one(None)
        has_no_rows = not is_known(context.database, targets, scope)
        return Selection(targets=targets, scope=scope, is_one_table=is_one_table, has_no_rows=has_no_rows)
    return Selection(targets=targets, is_one_table=is_one_table)
