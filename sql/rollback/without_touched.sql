-- Fragment: a condition on batches `b`: only those without a row left because it was touched. Without it, the candidates are
-- read once, and need not be written to disk.
AND b.batch_id NOT IN (
    SELECT l.batch_id
    FROM changes l
    JOIN candidates USING (row_id)
    WHERE l.in_scope AND l.batch_id IS NOT NULL AND state = 'touched')
