-- The target's owner, whether this role may act as the owner, and the constraint of this name with its comment.
-- Reads the catalog only. Returns exactly one row; the constraint's columns are NULL if there is no such constraint.
SELECT pg_get_userbyid(r.relowner)::text                       AS owner,
       pg_has_role(r.relowner, 'USAGE')                        AS may_alter,
       current_user::text                                      AS role,
       c.convalidated                                          AS is_validated,
       c.coninhcount > 0                                       AS is_inherited,
       obj_description(c.oid, 'pg_constraint')                 AS comment
FROM pg_class r
LEFT JOIN pg_constraint c ON c.conrelid = r.oid AND c.conname = %(constraint_name)s
WHERE r.oid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass;
