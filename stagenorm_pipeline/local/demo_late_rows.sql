-- A later import into two funds: 200 rows with known spellings that are not canonical.
INSERT INTO portfoliocompanies (fund_id, name, sector, stage, invested_amount)
SELECT CASE WHEN number % 5 < 3 THEN 11 ELSE 12 END, 'Late Import ' || number, 'saas',
       (ARRAY ['Series A', 'SEED', 'pre seed', 'Series  B'])[1 + number % 4], 250000 + 1000 * number
FROM generate_series(1, 200) AS number;
