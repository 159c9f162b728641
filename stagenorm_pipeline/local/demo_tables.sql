-- The two tables of the demo, as an application would have them. Existing tables are not changed.
-- No index on fund_id, because real tables often have none and the demo must be fast without it.
CREATE TABLE IF NOT EXISTS portfoliocompanies (
    id              serial PRIMARY KEY,
    fund_id         integer,
    name            text NOT NULL,
    sector          text,
    stage           text NOT NULL,
    status          text NOT NULL DEFAULT 'active',
    invested_amount numeric(15, 2),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS deal_opportunities (
    id               serial PRIMARY KEY,
    fund_id          integer,
    company_name     text NOT NULL,
    stage            text,
    status           text NOT NULL DEFAULT 'lead',
    requested_amount numeric(15, 2),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
