-- The event log: appended by one function only, and demanded by every change of current state.

-- Takes the regency's head row as the last lock of the transaction, numbers and chains the bodies given.
-- The hash covers: previous hash, regency id, sequence, recording time (microseconds), body (UTF-8).
CREATE FUNCTION append_events(p_regency integer, p_bodies text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    head event_head;
    moment timestamptz;
    content jsonb;
    digest bytea;
    body text;
BEGIN
    IF p_regency IS DISTINCT FROM semar_regency() THEN
        RAISE insufficient_privilege USING MESSAGE = 'events are appended to the own regency''s log only';
    END IF;
    SELECT * INTO STRICT head FROM event_head WHERE regency_id = p_regency FOR UPDATE;
    FOREACH body IN ARRAY p_bodies LOOP
        -- the log's clock never runs backwards, even when the server's does
        moment := greatest(clock_timestamp(), head.recorded_at);
        head.seq := head.seq + 1;
        digest := sha256(
            head.hash || int8send(p_regency::bigint) || int8send(head.seq)
            || int8send((extract(epoch FROM moment) * 1000000)::bigint) || convert_to(body, 'UTF8'));
        content := body::jsonb;
        INSERT INTO event (regency_id, seq, kind, subject_type, subject_id, incident_id, actor, cause,
                           occurred_at, recorded_at, data, body, previous_hash, hash)
        VALUES (p_regency, head.seq, content->>'kind', content->>'subject_type', content->>'subject_id',
                (content->>'incident_id')::uuid, content->>'actor', content->>'cause',
                (content->>'occurred_at')::timestamptz, moment, content->'data', body, head.hash, digest);
        head.hash := digest;
        head.recorded_at := moment;
    END LOOP;
    UPDATE event_head SET seq = head.seq, hash = head.hash, recorded_at = head.recorded_at,
        transaction = pg_current_xact_id()::text::bigint
    WHERE regency_id = p_regency;
    PERFORM pg_notify('semar_event', p_regency || ':' || head.seq);
    RETURN head.seq;
END $$;

REVOKE EXECUTE ON FUNCTION append_events(integer, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_events(integer, text[]) TO semar_app;

-- At commit: a changed row of current state needs an event of the same transaction in its regency's log.
CREATE FUNCTION require_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    owner integer;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_TABLE_NAME = 'resident' THEN
        owner := NEW.home_regency_id;
    ELSE
        owner := NEW.regency_id;
    END IF;
    PERFORM 1 FROM event_head
    WHERE regency_id = owner AND transaction = pg_current_xact_id()::text::bigint;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a row of % was changed without an event', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'resident', 'facility', 'unit', 'unavailability', 'shift', 'crew_membership', 'staff_user', 'call',
        'callback', 'incident', 'patient', 'assignment', 'leg', 'leg_patient', 'reported_fact', 'stamp'
    ] LOOP
        EXECUTE format(
            'CREATE CONSTRAINT TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %I DEFERRABLE INITIALLY DEFERRED '
            'FOR EACH ROW EXECUTE FUNCTION require_event()', name || '_has_event', name);
    END LOOP;
END $$;

-- Even the owner cannot rewrite history without taking the triggers off first.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN
    RAISE EXCEPTION 'the event log is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What pollers ask twice a second: how far each log has come. Numbers only.
CREATE FUNCTION event_heads() RETURNS TABLE (regency_id integer, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT regency_id, seq FROM event_head $$;
REVOKE EXECUTE ON FUNCTION event_heads() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_heads() TO semar_app;
