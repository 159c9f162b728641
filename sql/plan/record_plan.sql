-- Record a plan as a draft without batches. Its totals follow in the same transaction.
-- Guarantees: the plan gets its author, the role that logged in, in the same statement.
WITH recorded AS (
    INSERT INTO stage_migration_plans (created_by, kind, vocabulary_version, code_version, batch_size, preset, scope)
    VALUES (%(created_by)s, %(kind)s, %(vocabulary_version)s, %(code_version)s, %(batch_size)s, %(preset)s, %(scope)s::jsonb)
    RETURNING plan_id, created_at
), written AS (
    INSERT INTO stage_migration_plan_authors (plan_id) SELECT plan_id FROM recorded
)
SELECT plan_id, created_at FROM recorded;
