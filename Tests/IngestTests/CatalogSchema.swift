/// The views and functions that the service sees of the auth and catalog schemas, in the simplest form that
/// keeps their contract.
enum CatalogSchema {
    static let sql = """
        CREATE TABLE auth.stream_keys (
            key_id text PRIMARY KEY, stream_id text, name text, secret_hash bytea, revoked boolean DEFAULT false);
        CREATE VIEW auth.v1_stream_keys AS SELECT * FROM auth.stream_keys;
        CREATE TABLE catalog.sessions (
            session_id text PRIMARY KEY, stream_id text, epoch bigint, state text DEFAULT 'live',
            started_at timestamptz DEFAULT now(), grace int, changed_at timestamptz DEFAULT now());
        CREATE SEQUENCE catalog.epochs;
        CREATE FUNCTION catalog.v1_open_session(
            p_stream text, p_protocol text, p_encoder text, p_address text, p_grace int)
        RETURNS TABLE (session_id text, epoch bigint, slug text, title text, started_at timestamptz,
            resumed boolean, record boolean) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE number bigint := nextval('catalog.epochs'); old catalog.sessions;
        BEGIN
            SELECT * INTO old FROM catalog.sessions
                WHERE stream_id = p_stream AND state <> 'ended' ORDER BY sessions.started_at DESC LIMIT 1;
            IF FOUND THEN
                UPDATE catalog.sessions SET state = 'live', epoch = number
                    WHERE sessions.session_id = old.session_id;
                RETURN QUERY SELECT old.session_id, number, p_stream, 'A stream', old.started_at, true, true;
            ELSE
                RETURN QUERY INSERT INTO catalog.sessions (session_id, stream_id, epoch, grace)
                    VALUES ('session' || number, p_stream, number, p_grace)
                    RETURNING 'session' || number, number, p_stream, 'A stream', now(), false, true;
            END IF;
        END $$;
        CREATE FUNCTION catalog.v1_set_session_state(p_session text, p_epoch bigint, p_state text)
        RETURNS void LANGUAGE sql AS $$
            UPDATE catalog.sessions SET state = p_state
                WHERE session_id = p_session AND epoch = p_epoch AND state <> 'ended' $$;
        CREATE FUNCTION catalog.v1_end_session(p_session text, p_epoch bigint)
        RETURNS void LANGUAGE sql AS $$
            UPDATE catalog.sessions SET state = 'ended'
                WHERE session_id = p_session AND epoch = p_epoch $$;
        CREATE TABLE catalog.notes (tracks jsonb);
        CREATE FUNCTION catalog.v1_note_tracks(p_session text, p_epoch bigint, p_tracks jsonb)
        RETURNS void LANGUAGE sql AS $$ INSERT INTO catalog.notes VALUES (p_tracks) $$;
        """
}
