-- How many more sessions this role may open in this database: the smallest of what the server, the database and the role
-- have left. Leaves three connections to others, besides those that the server reserves. At least 0.
-- Guarantees: needs no privilege; counts every session that has a database.
SELECT greatest(0, least(
           current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
               - coalesce(current_setting('reserved_connections', true)::integer, 0) - 3 - count(*),
           CASE WHEN d.datconnlimit >= 0 THEN d.datconnlimit - count(*) FILTER (WHERE a.datid = d.oid) END,
           CASE WHEN r.rolconnlimit >= 0 THEN r.rolconnlimit - count(*) FILTER (WHERE a.usesysid = r.oid) END
       ))::integer AS spare
FROM pg_stat_activity a
CROSS JOIN (SELECT oid, datconnlimit FROM pg_database WHERE datname = current_database()) AS d
CROSS JOIN (SELECT oid, rolconnlimit FROM pg_roles WHERE rolname = session_user) AS r
WHERE a.datid IS NOT NULL
GROUP BY d.oid, d.datconnlimit, r.oid, r.rolconnlimit;
