-- Whether any plan, even a finished or cancelled one, contains this fund (NULL: rows without a fund).
SELECT EXISTS (SELECT 1 FROM stage_migration_baseline WHERE {fund_condition})
    OR EXISTS (SELECT 1 FROM stage_migration_batches WHERE {fund_condition});
