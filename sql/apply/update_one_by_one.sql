-- The body of a DO block: update and log the rows at `places` of a batch one by one, except those that the database refuses.
-- One round trip, and it creates nothing in the database.
-- Guarantees: a row is refused only if it fails as the first row of its subtransaction. Rows that are accepted in a row share
-- a subtransaction, so that other sessions' snapshots stay small. Raises every error that may have another cause than the row:
-- of a class in `other_classes`, or for contention (unless `with_contention`); what RAISE made is caused by the row. Deferred
-- constraints are checked after each row.
-- DO returns nothing, so the result goes to a setting of this transaction, after the last update: no trigger sees it.
DECLARE
    row_keys     {key_type}[];
    spellings    text[];
    stages_after text[];
    row_places   integer[];
    first_row    integer := 1;
    last_row     integer;
    tried_row    integer;
    log_id       bigint;
    log_ids      bigint[];
    updated      integer := 0;
    first_log_id bigint;
    last_log_id  bigint;
    is_rewritten boolean;
    is_raised    boolean;
    code         text;
    reason       text;
    trace        text;
    refused      integer[] := '{{}}';
    reasons      text[] := '{{}}';
    codes        text[] := '{{}}';
BEGIN
    SELECT array_agg(row_key ORDER BY place), array_agg(spelling ORDER BY place), array_agg(stage_after ORDER BY place),
           array_agg(place ORDER BY place)
    INTO row_keys, spellings, stages_after, row_places
    FROM ({members}) AS members;
    last_row := cardinality(row_keys);
    SET CONSTRAINTS ALL IMMEDIATE;
    WHILE first_row <= cardinality(row_keys) LOOP
        BEGIN
            log_ids := '{{}}';
            is_rewritten := false;
            FOR row_no IN first_row..last_row LOOP
                tried_row := row_no;
                WITH members AS (
                    SELECT %(batch_id)s::bigint AS batch_id, row_keys[tried_row] AS row_key, spellings[tried_row] AS spelling,
                           stages_after[tried_row] AS stage_after
                ), {changed}
                SELECT audited.id INTO log_id FROM changed LEFT JOIN audited ON true;
                IF FOUND THEN
                    is_rewritten := log_id IS NULL OR %(has_after_triggers)s AND NOT EXISTS (
                        SELECT 1 FROM {table} AS t WHERE {key} = row_keys[tried_row] AND {stage} = stages_after[tried_row]);
                    IF is_rewritten THEN
                        RAISE EXCEPTION 'rewritten';
                    END IF;
                    log_ids := array_append(log_ids, log_id);
                END IF;
            END LOOP;
            updated := updated + cardinality(log_ids);
            first_log_id := coalesce(first_log_id, log_ids[1]);
            last_log_id := coalesce(log_ids[cardinality(log_ids)], last_log_id);
            first_row := last_row + 1;
            last_row := cardinality(row_keys);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, reason = MESSAGE_TEXT, trace = PG_EXCEPTION_CONTEXT;
            is_raised := split_part(trace, E'\n', 1) LIKE '%%RAISE';
            IF code = ANY (%(contention)s::text[]) AND NOT (is_raised AND %(with_contention)s)
               OR left(code, 2) = ANY (%(other_classes)s::text[]) AND NOT is_raised THEN
                RAISE;
            END IF;
            IF tried_row > first_row THEN
                -- The rows before it were accepted: they come again, without it.
                last_row := tried_row - 1;
            ELSE
                refused := array_append(refused, row_places[tried_row]);
                reasons := array_append(reasons, CASE WHEN NOT is_rewritten THEN left(ltrim(reason, E' \t\r\n'), 1000) END);
                codes := array_append(codes, CASE WHEN NOT is_rewritten THEN code END);
                first_row := tried_row + 1;
                last_row := cardinality(row_keys);
            END IF;
        END;
    END LOOP;
    PERFORM set_config('stagenorm.one_by_one', json_build_object(
        'updated', updated, 'first_log_id', first_log_id, 'last_log_id', last_log_id,
        'refused', refused, 'reasons', reasons, 'codes', codes)::text, true);
END
