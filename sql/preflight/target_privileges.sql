-- The privileges on a target that the current role lacks, each with the statement that grants it.
-- Reads the catalog only. Needed are SELECT on key, stage and fund column, and UPDATE on the stage column.
SELECT p.privilege,
       string_agg(quote_ident(p.column_name), ', ' ORDER BY p.place)                      AS columns,
       quote_ident(current_user)                                                          AS role_name,
       format('GRANT %%s (%%s) ON %%I.%%I TO %%I;', p.privilege,
              string_agg(quote_ident(p.column_name), ', ' ORDER BY p.place),
              %(schema_name)s::text, %(table_name)s::text, current_user)                  AS fix
FROM (VALUES (1, 'SELECT', %(key_column)s::text), (2, 'SELECT', %(column_name)s::text),
             (3, 'SELECT', %(fund_column)s::text), (4, 'UPDATE', %(column_name)s::text))
     AS p (place, privilege, column_name)
WHERE p.column_name IS NOT NULL
  AND NOT has_column_privilege(format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text), p.column_name, p.privilege)
GROUP BY p.privilege
ORDER BY p.privilege;
