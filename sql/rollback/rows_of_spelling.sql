-- Fragment: a condition on the log entries `l`: only rows that were changed from one spelling. Without it, a rollback of a
-- spelling would group the whole log by row: with 6 million entries 547 MB of temporary files and 41 to 77 s, and 63 MB and
-- 23 s with it.
AND l.row_id IN (
    SELECT row_id
    FROM stage_normalization_log
    WHERE (schema_name, table_name, column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND action = 'normalize' AND stage_before = %(spelling)s::text COLLATE "C")
