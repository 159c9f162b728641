-- Progress by fund: numbers by value, then names, then the rows without a fund.
SELECT *
FROM stage_migration_progress_by_fund
ORDER BY fund_id IS NULL, CASE WHEN length(fund_id) < 19 AND fund_id ~ '^[0-9]+$' THEN fund_id::bigint END NULLS LAST, fund_id COLLATE "C";
