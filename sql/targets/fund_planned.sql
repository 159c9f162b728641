-- Whether any plan, also a finished or a cancelled one, is about this fund (NULL: the rows without a fund).
SELECT EXISTS (SELECT 1 FROM stage_migration_baseline WHERE {fund_condition})
    OR EXISTS (SELECT 1 FROM stage_migration_batches WHERE {fund_condition});
