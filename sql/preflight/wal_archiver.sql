-- Whether the archiver's newest attempt failed, and since when nothing was archived.
-- Reads a view that every role may read, and no command: archive_command may contain secrets.
SELECT last_failed_wal AS wal, failed_count AS failures,
       round(extract(epoch FROM clock_timestamp() - coalesce(last_archived_time, stats_reset)))::bigint AS seconds
FROM pg_stat_archiver
WHERE current_setting('archive_mode') <> 'off' AND last_failed_time > coalesce(last_archived_time, '-infinity');
