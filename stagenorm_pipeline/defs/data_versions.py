"""The data version of the inventory and of the plan."""

from typing import Final

# It never changes, so that Dagster marks nothing downstream as "Unsynced". With a new version per event, it would mark
# every fund as soon as the plan is done. PostgreSQL says what a fund needs, and the check fund_clean shows it.
# This is Dagster's own version of data that it does not know. With another one, a plan from the command line was
# "Unsynced" until somebody materialized the inventory.
IN_POSTGRESQL: Final = "INITIAL"
