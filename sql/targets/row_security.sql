-- Whether row-level security applies to the current role on a target, and whether it can hide a row.
-- Reads the catalog only. Returns no row if row-level security is off for this role (the owner, BYPASSRLS).
-- Only a policy with the expression `true` counts as hiding nothing.
WITH policies AS (
    SELECT p.polname, p.polpermissive, p.polcmd,
           coalesce(pg_get_expr(p.polqual, p.polrelid), 'true')                                          AS shows,
           coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid), 'true') AS allows
    FROM pg_policy p
    WHERE p.polrelid = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
      AND p.polcmd IN ('*', 'r', 'w')
      AND EXISTS (SELECT 1 FROM unnest(p.polroles) AS r (role_id) WHERE role_id = 0 OR pg_has_role(role_id, 'USAGE'))
)
SELECT quote_ident(current_user) AS role_name,
       array(SELECT quote_ident(polname) FROM policies ORDER BY 1) AS policies,
       EXISTS (SELECT 1 FROM policies WHERE NOT polpermissive)     AS is_restricted,
       EXISTS (SELECT 1 FROM policies WHERE polpermissive AND polcmd IN ('*', 'r') AND shows = 'true')
         AND NOT EXISTS (SELECT 1 FROM policies WHERE NOT polpermissive AND polcmd IN ('*', 'r') AND shows <> 'true')
                                                                   AS shows_every_row,
       EXISTS (SELECT 1 FROM policies WHERE polpermissive AND polcmd IN ('*', 'r') AND shows = 'true')
         AND EXISTS (SELECT 1 FROM policies
                     WHERE polpermissive AND polcmd IN ('*', 'w') AND shows = 'true' AND allows = 'true')
         AND NOT EXISTS (SELECT 1 FROM policies WHERE NOT polpermissive AND (shows <> 'true' OR allows <> 'true'))
                                                                   AS hides_nothing,
       format('CREATE POLICY stagenorm_runner ON %%I.%%I TO %%I USING (true) WITH CHECK (true);',
              %(schema_name)s::text, %(table_name)s::text, current_user) AS fix_policy,
       format('ALTER ROLE %%I BYPASSRLS;', current_user)                 AS fix_role
WHERE row_security_active(format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text));
