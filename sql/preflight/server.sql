-- Version and encoding of the server, and whether this role can write there.
-- Reads settings only. `default_read_only` is the setting for new transactions, not that of this one.
SELECT current_setting('server_version_num')::integer               AS version_number,
       current_setting('server_version')                            AS version,
       current_setting('server_encoding')                           AS encoding,
       pg_is_in_recovery()                                          AS is_standby,
       current_setting('default_transaction_read_only')::boolean    AS default_read_only,
       quote_ident(current_database())                              AS database_name,
       quote_ident(current_user)                                    AS role_name;
