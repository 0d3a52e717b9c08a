-- A person's key: made once, destroyed once, and only together with the event that says so.

CREATE FUNCTION guard_person_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    -- the owner re-wraps keys when the master key is replaced; the application may only destroy one
    IF NOT row_security_active('person_key') THEN
        RETURN NEW;
    END IF;
    IF NEW.wrapped IS NULL AND NEW.destroyed_at IS NOT NULL AND OLD.destroyed_at IS NULL
        AND (NEW.id, NEW.realm, NEW.master_key_id, NEW.created_at)
            IS NOT DISTINCT FROM (OLD.id, OLD.realm, OLD.master_key_id, OLD.created_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the key of a person is never changed, only destroyed'
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER person_key_guarded BEFORE UPDATE ON person_key
    FOR EACH ROW EXECUTE FUNCTION guard_person_key();

CREATE FUNCTION require_erasure_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM event_head h
    JOIN event e ON e.regency_id = h.regency_id AND e.seq > h.seq - 100
    WHERE h.transaction = pg_current_xact_id()::text::bigint
        AND e.kind = 'person_erased' AND e.data->>'key_id' = NEW.id::text;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the key of a person was destroyed without an event'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER person_key_has_event AFTER UPDATE ON person_key DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.destroyed_at IS NOT NULL AND OLD.destroyed_at IS NULL)
    EXECUTE FUNCTION require_erasure_event();
