-- What must not be used twice. Scope 1 is one-time proofs, scope 2 answered challenges. Times are whole seconds since 1970.
CREATE TABLE replay (
    scope      smallint PRIMARY KEY,
    -- Where the rows were written: server, time line, database, table. Elsewhere, some may be missing.
    place      text NOT NULL,
    -- Grows when the terms change; nodes that began before look again.
    generation bigint NOT NULL,
    -- What is dated at or before this is barred: its use may be unknown.
    barrier    bigint NOT NULL,
    -- Uses that ended at or before this may be gone, so what ends there is barred as well.
    forgotten  bigint NOT NULL,
    -- A use is kept at least this long after its date: the widest window that any node has had.
    keep       bigint NOT NULL
);

-- By which terms the uses of one dialect's proofs are remembered.
CREATE TABLE replay_terms (
    scope   smallint NOT NULL,
    dialect text COLLATE "C" NOT NULL,
    terms   text NOT NULL,
    PRIMARY KEY (scope, dialect)
);

CREATE TABLE used (
    scope smallint NOT NULL,
    mark  bytea NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (scope, mark)
-- Rows come and go all the time, so room is given back sooner than the server does by itself.
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX used_until ON used (scope, until);

-- A restored copy, a promoted standby and a table made anew are other places; a restart is not.
CREATE FUNCTION countersign_place_1() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT (SELECT system_identifier FROM pg_control_system())::text
        || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
        || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())::text
        || '/' || 'used'::regclass::oid::text
$$;

-- Decides many claims at once; NULL when the place or the generation is not the known one. Each statement of this function
-- sees what was committed before it began, and whoever forgets waits for all who claim: so no use is forgotten between the look
-- at `forgotten` and the insertion. In the order of marks, so that two batches never wait for each other in a circle.
CREATE FUNCTION countersign_claim_1(asked smallint, known text, marks bytea[], dates bigint[], untils bigint[])
RETURNS smallint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    state replay%ROWTYPE;
    verdicts smallint[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1129534290, asked);
    SELECT * INTO state FROM replay WHERE scope = asked;
    IF NOT FOUND OR state.place || ' ' || state.generation <> known OR state.place <> countersign_place_1() THEN
        RETURN NULL;
    END IF;
    WITH told AS MATERIALIZED (
        SELECT told.*, told.dated <= state.barrier OR told.until <= state.forgotten AS barred
        FROM unnest(marks, dates, untils) WITH ORDINALITY AS told (mark, dated, until, place)
    ), ordered AS MATERIALIZED (
        SELECT told.*, row_number() OVER (PARTITION BY mark, barred ORDER BY place) AS turn FROM told
    ), fresh AS (
        INSERT INTO used (scope, mark, until)
        SELECT asked, mark, max(greatest(until, dated + state.keep)) FROM ordered WHERE NOT barred
        GROUP BY mark ORDER BY mark
        ON CONFLICT DO NOTHING
        RETURNING mark
    )
    SELECT array_agg((CASE
            WHEN ordered.barred THEN 2
            WHEN fresh.mark IS NOT NULL AND ordered.turn = 1 THEN 0
            ELSE 1
        END)::smallint ORDER BY ordered.place)
    INTO verdicts FROM ordered LEFT JOIN fresh ON fresh.mark = ordered.mark;
    RETURN verdicts;
END
$$;

-- From now on, what ends at or before the earlier of `upto` and the same by the database's own clock may be forgotten.
CREATE FUNCTION countersign_forget_1(asked smallint, upto bigint, margin bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    reached bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1129534290, asked);
    UPDATE replay SET forgotten = greatest(
        forgotten, least(upto, floor(extract(epoch FROM clock_timestamp()))::bigint) - margin
    ) WHERE scope = asked RETURNING forgotten INTO reached;
    RETURN reached;
END
$$;
