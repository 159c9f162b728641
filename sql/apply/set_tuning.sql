-- Set the pace of all runners. NULL: keep what is set.
-- Guarantees: changes nothing of the pause switch.
UPDATE stage_migration_control
SET sleep_ms = coalesce(%(sleep_ms)s::integer, sleep_ms), target_ms = coalesce(%(target_ms)s::integer, target_ms),
    parallel = coalesce(%(parallel)s::integer, parallel);
