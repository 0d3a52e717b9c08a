-- Who may see and change what: one login role for the application, row-level security on every table.

CREATE FUNCTION semar_regency() RETURNS integer LANGUAGE sql STABLE
AS $$ SELECT CAST(nullif(current_setting('semar.regency', true), '') AS integer) $$;

CREATE FUNCTION semar_realm() RETURNS text LANGUAGE sql STABLE
AS $$ SELECT nullif(current_setting('semar.realm', true), '') $$;

GRANT USAGE ON SCHEMA public TO semar_app;
-- `serve` refuses a schema that is not its own
GRANT SELECT ON alembic_version TO semar_app;

-- Tables keyed by regency: rows of the transaction's own regency only.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'district', 'village', 'facility', 'unit', 'unavailability', 'shift', 'crew_membership', 'staff_user',
        'staff_credential', 'session', 'view_log', 'call', 'callback', 'incident', 'incident_counter', 'patient',
        'assignment', 'leg', 'leg_patient', 'reported_fact', 'stamp', 'event', 'event_head', 'outbox', 'timer',
        'position', 'latest_position'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_regency ON %I TO semar_app USING (regency_id = semar_regency()) '
            'WITH CHECK (regency_id = semar_regency())', name);
        EXECUTE format('GRANT SELECT ON %I TO semar_app', name);
    END LOOP;

    -- Nothing that the log carries is ever deleted; reference data is loaded by the owner;
    -- events are written by append_events alone.
    FOREACH name IN ARRAY ARRAY[
        'facility', 'unit', 'unavailability', 'shift', 'crew_membership', 'staff_user', 'staff_credential',
        'session', 'call', 'callback', 'incident', 'incident_counter', 'patient', 'assignment', 'leg',
        'leg_patient', 'reported_fact', 'stamp', 'outbox', 'timer', 'latest_position'
    ] LOOP
        EXECUTE format('GRANT INSERT, UPDATE ON %I TO semar_app', name);
    END LOOP;
    GRANT INSERT ON view_log, position TO semar_app;

    -- Residents and keys belong to the deployment, but never to both realms.
    FOREACH name IN ARRAY ARRAY['resident', 'resident_credential', 'person_key'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY own_realm ON %I TO semar_app USING (realm = semar_realm()) '
            'WITH CHECK (realm = semar_realm())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO semar_app', name);
    END LOOP;

    -- The directory of tenants is public; only the owner changes it.
    ALTER TABLE regency ENABLE ROW LEVEL SECURITY;
    CREATE POLICY directory ON regency FOR SELECT TO semar_app USING (true);
    GRANT SELECT ON regency TO semar_app;
END $$;

-- A token arrives before its tenant is known: the one look-up that crosses tenants, by secret only.
CREATE FUNCTION session_by_token(p_hash bytea)
RETURNS TABLE (regency_id integer, session_id uuid, staff_id uuid, resident_id uuid, role text,
               facility_id uuid, seen_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT s.regency_id, s.id, s.staff_id, s.resident_id, u.role, u.facility_id, s.seen_at, s.expires_at
    FROM session s
    LEFT JOIN staff_user u ON u.regency_id = s.regency_id AND u.id = s.staff_id
    LEFT JOIN resident r ON r.id = s.resident_id
    WHERE s.token_hash = p_hash AND s.ended_at IS NULL
      AND (u.active OR (s.resident_id IS NOT NULL AND r.erased_at IS NULL))
$$;

-- A client-made id may already be in use in another tenant: say so without showing the row.
CREATE FUNCTION call_id_taken_elsewhere(p_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT EXISTS (SELECT 1 FROM call WHERE id = p_id AND regency_id IS DISTINCT FROM semar_regency()) $$;

-- Which tenants a worker should look into now.
CREATE FUNCTION regencies_with_due_work(p_now timestamptz) RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT regency_id FROM timer WHERE done_at IS NULL AND due_at <= p_now
    UNION
    SELECT regency_id FROM outbox WHERE sent_at IS NULL AND failed_at IS NULL AND due_at <= p_now
$$;

-- Daily partitions of positions, made ahead by the worker; the default partition catches wild clocks.
CREATE TABLE position_other PARTITION OF position DEFAULT;

CREATE FUNCTION make_position_partitions(p_from date, p_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    day date;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7362715);
    FOR n IN 0..least(p_days, 60) - 1 LOOP
        day := p_from + n;
        IF to_regclass(format('public.position_%s', to_char(day, 'YYYYMMDD'))) IS NULL
           AND NOT EXISTS (SELECT 1 FROM position_other
                           WHERE fixed_at >= day::timestamptz AND fixed_at < (day + 1)::timestamptz) THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF position FOR VALUES FROM (%L) TO (%L)',
                           'position_' || to_char(day, 'YYYYMMDD'), day::timestamptz, (day + 1)::timestamptz);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
ALTER FUNCTION make_position_partitions(date, integer) SET timezone = 'UTC';

REVOKE EXECUTE ON FUNCTION session_by_token(bytea), call_id_taken_elsewhere(uuid),
    regencies_with_due_work(timestamptz), make_position_partitions(date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_by_token(bytea), call_id_taken_elsewhere(uuid),
    regencies_with_due_work(timestamptz), make_position_partitions(date, integer) TO semar_app;
