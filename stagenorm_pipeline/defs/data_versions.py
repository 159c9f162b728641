"""The data version of the inventory and of the plan."""

from typing import Final

# It never changes, so that Dagster marks nothing downstream as "Unsynced". With a new version per event, it would mark
# every fund as soon as the plan is done. PostgreSQL says what a fund needs, and the check fund_clean shows it.
IN_POSTGRESQL: Final = "in PostgreSQL"
