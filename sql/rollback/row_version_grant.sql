-- Whether this role may read the row versions (xmin) of a target, and what to grant if not.
-- Promise: reads the catalog only. SELECT on the whole table includes xmin; a grant of other columns does not.
SELECT has_column_privilege(format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text), 'xmin', 'SELECT') AS may_read,
       format('GRANT SELECT (xmin) ON %%I.%%I TO %%I;', %(schema_name)s::text, %(table_name)s::text, current_user)
                                                                                                              AS to_grant;
