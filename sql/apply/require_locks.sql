-- Lock the batches for this transaction, or end it with an error if another runner has taken one of them.
SELECT CASE WHEN bool_and(pg_try_advisory_xact_lock(%(lock_class)s, batch_id)) THEN 0
            ELSE concat('stagenorm: a batch is taken, of ', count(*))::integer END
FROM unnest(%(batch_ids)s::integer[]) AS batches (batch_id);
