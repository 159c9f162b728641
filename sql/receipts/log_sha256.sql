-- Fragment: the SHA-256 of log entries (row, before, after) in the order of their ids, as receipts keep it.
-- An aggregate over the columns id, row_id, stage_before and stage_after.
-- Guarantees: different entries never have the same text: the lengths of the three come first, -1 for NULL, which
-- distinguishes it from the empty string. The same on every server: lengths in characters, hashed in UTF-8, no collation.
sha256(convert_to(coalesce(string_agg(
    concat(coalesce(length(row_id), -1), ',', coalesce(length(stage_before), -1), ',', coalesce(length(stage_after), -1), ':',
           row_id, stage_before, stage_after),
    '' ORDER BY id), ''), 'UTF8'))
