-- Record what is done to the constraint of a target in this transaction.
INSERT INTO stage_migration_enforcements
    (schema_name, table_name, column_name, constraint_name, action, statement, vocabulary_version, done_by)
VALUES (%(schema_name)s, %(table_name)s, %(column_name)s, %(constraint_name)s, %(action)s, %(statement)s,
        %(vocabulary_version)s, %(done_by)s);
