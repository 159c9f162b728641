-- The two tables of the demo, as an application would have them; tables that are already there stay as they are.
-- No index on fund_id, on purpose: the demo must be quick on the tables that people really have.
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
