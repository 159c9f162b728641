-- The preset of the newest open normalizing plan; NULL if none was chosen. No row without an open plan.
SELECT preset FROM stage_migration_plans WHERE status = 'open' AND kind = 'normalize' ORDER BY plan_id DESC LIMIT 1;
