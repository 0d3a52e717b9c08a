-- A worker that works holds a shared advisory lock under its number, on a connection that ends with it.
CREATE FUNCTION worker_lives(p_worker integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM pg_locks l
        JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
        WHERE l.locktype = 'advisory' AND l.granted
          AND l.classid = 7362719 AND l.objid = p_worker::oid AND l.objsubid = 2)
$$;

-- Which tenants have something that a worker claimed before it died. Who tries it for the third time may have
-- been killed by it: that waits until its lease has run out, so that everything else has its turn.
CREATE FUNCTION regencies_with_dead_claims() RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT regency_id FROM timer
    WHERE done_at IS NULL AND due_at = claimed_until AND attempts < 3 AND NOT worker_lives(claimed_by)
    UNION
    SELECT regency_id FROM outbox
    WHERE sent_at IS NULL AND failed_at IS NULL AND due_at = claimed_until AND attempts < 3
      AND NOT worker_lives(claimed_by)
$$;

REVOKE EXECUTE ON FUNCTION worker_lives(integer), regencies_with_dead_claims() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION worker_lives(integer), regencies_with_dead_claims() TO semar_app;
