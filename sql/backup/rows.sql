-- The keys, funds and stages of a target, streamed out as the server writes them.
-- Promise: reads only; ordered by fund and key, so that the same data make the same bytes.
COPY (SELECT {key}::text, {fund}, {stage} FROM {table} AS t ORDER BY {fund} COLLATE "C", {key}) TO STDOUT;
