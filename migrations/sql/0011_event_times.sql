-- Two events of one log never bear the same time, and neither do two logs that part at an event: also while the
-- server's clock is behind the log's. All else is as it was.
CREATE OR REPLACE FUNCTION append_events(p_regency integer, p_bodies text[]) RETURNS bigint
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
        moment := clock_timestamp();
        IF moment <= head.recorded_at THEN
            -- the log's clock never runs backwards, even when the server's does: it goes on by up to a
            -- millisecond, by how much nobody can foretell, so that a log restored meanwhile goes on otherwise
            moment := head.recorded_at
                + (1 + extract(microseconds FROM moment)::bigint % 1000) * interval '1 microsecond';
        END IF;
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
