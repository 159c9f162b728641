-- The log id after which judging starts, where it starts at a time: the id before the first entry since `since`, or before
-- the first one of `plan_id` if that is earlier. Receipts count too: they tell of entries that were deleted. All entries
-- are older: the newest id. An empty log: 0.
SELECT coalesce(
    least((SELECT min(id) FROM stage_normalization_log
           WHERE run_at >= %(since)s::timestamptz OR plan_id = %(plan_id)s::bigint),
          (SELECT min(first_log_id) FROM stage_migration_receipts
           WHERE recorded_at >= %(since)s::timestamptz OR plan_id = %(plan_id)s::bigint)) - 1,
    (SELECT max(id) FROM stage_normalization_log),
    0)::bigint AS log_id;
