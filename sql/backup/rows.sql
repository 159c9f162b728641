-- Stream the keys, funds and stages of a target as the server writes them.
-- Reads only. Ordered by fund and key, so that the same data give the same bytes.
COPY (SELECT {key}::text, {fund}, {stage} FROM {table} AS t ORDER BY {fund} COLLATE "C", {key}) TO STDOUT;
