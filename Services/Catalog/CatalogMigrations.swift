import Postgres

/// The schema `catalog`, which this service alone owns; others see its views and functions `v1_…`.
enum CatalogMigrations {
    static let all = PostgresMigrations(
        schema: "catalog",
        [
            .init(1, "outbox", outbox),
            .init(2, "streams, sessions and recordings", tables),
            .init(3, "publishing", publishing),
            .init(4, "recording", recording),
            .init(5, "retention", retention),
            .init(6, "what is hidden", hidden),
            .init(7, "why recordings failed", failures),
        ]
    )

    private static let outbox = """
        CREATE TABLE catalog.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            type text NOT NULL,
            subject text NOT NULL,
            data jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            relayed_at timestamptz
        );
        CREATE INDEX outbox_waiting ON catalog.outbox (id) WHERE relayed_at IS NULL;
        CREATE INDEX outbox_relayed ON catalog.outbox (relayed_at) WHERE relayed_at IS NOT NULL;
        CREATE FUNCTION catalog.note_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_notify('catalog_outbox', '');
                RETURN NULL;
            END $$;
        CREATE TRIGGER outbox_added AFTER INSERT ON catalog.outbox
            FOR EACH STATEMENT EXECUTE FUNCTION catalog.note_outbox();

        -- What a creating request was answered, for the client that asks again.
        CREATE TABLE catalog.idempotency (
            subject text NOT NULL,
            key text NOT NULL,
            fingerprint bytea NOT NULL,
            status integer,
            location text,
            etag text,
            body text,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (subject, key)
        );
        CREATE INDEX idempotency_age ON catalog.idempotency (created_at);

        -- 128 random bits in lower-case base32.
        CREATE FUNCTION catalog.make_identifier() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
            DECLARE
                random bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
                bits bit varying := ('x' || encode(substring(random FROM 1 FOR 16), 'hex'))::bit(128) || B'00';
                identifier text := '';
            BEGIN
                FOR position IN 0..25 LOOP
                    identifier := identifier || substr(
                        'abcdefghijklmnopqrstuvwxyz234567',
                        substring(bits FROM position * 5 + 1 FOR 5)::bit(5)::integer + 1, 1
                    );
                END LOOP;
                RETURN identifier;
            END $$;
        """

    private static let tables = """
        CREATE TABLE catalog.streams (
            id text PRIMARY KEY DEFAULT catalog.make_identifier() CHECK (id ~ '^[a-z2-7]{26}$'),
            slug text NOT NULL CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$'),
            title text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
            record boolean NOT NULL DEFAULT true,
            publish_epoch bigint NOT NULL DEFAULT 0,
            version bigint NOT NULL DEFAULT 1,
            created_by text NOT NULL DEFAULT '',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            deleted_at timestamptz,
            purged_at timestamptz
        );
        CREATE UNIQUE INDEX streams_slug ON catalog.streams (slug) WHERE deleted_at IS NULL;
        CREATE INDEX streams_age ON catalog.streams (created_at, id) WHERE deleted_at IS NULL;
        CREATE INDEX streams_deleted ON catalog.streams (deleted_at)
            WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

        -- One stretch of publishing, with all the returns of its publisher within the grace time.
        CREATE TABLE catalog.sessions (
            id text PRIMARY KEY DEFAULT catalog.make_identifier(),
            stream_id text NOT NULL REFERENCES catalog.streams,
            epoch bigint NOT NULL,
            state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'away', 'ended')),
            protocol text NOT NULL,
            encoder text NOT NULL,
            address text NOT NULL,
            grace integer NOT NULL CHECK (grace >= 0),
            title text NOT NULL,
            record boolean NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            away_at timestamptz,
            ended_at timestamptz
        );
        CREATE UNIQUE INDEX sessions_current ON catalog.sessions (stream_id) WHERE state <> 'ended';
        CREATE INDEX sessions_of_stream ON catalog.sessions (stream_id, started_at DESC, id DESC);

        CREATE TABLE catalog.recordings (
            id text PRIMARY KEY DEFAULT catalog.make_identifier(),
            session_id text NOT NULL UNIQUE REFERENCES catalog.sessions,
            stream_id text NOT NULL REFERENCES catalog.streams,
            title text NOT NULL,
            state text NOT NULL CHECK (state IN ('recording', 'complete', 'failed')),
            duration double precision NOT NULL DEFAULT 0,
            bytes bigint NOT NULL DEFAULT 0,
            tracks jsonb NOT NULL DEFAULT '[]',
            version bigint NOT NULL DEFAULT 1,
            started_at timestamptz NOT NULL,
            ended_at timestamptz,
            deleted_at timestamptz,
            purged_at timestamptz
        );
        CREATE INDEX recordings_age ON catalog.recordings (started_at, id) WHERE deleted_at IS NULL;
        CREATE INDEX recordings_of_stream ON catalog.recordings (stream_id, started_at, id);
        CREATE INDEX recordings_deleted ON catalog.recordings (deleted_at)
            WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

        CREATE VIEW catalog.v1_streams AS
            SELECT id, slug, title, record, publish_epoch FROM catalog.streams WHERE deleted_at IS NULL;
        GRANT SELECT ON catalog.v1_streams TO martlet_auth, martlet_ingest, martlet_origin;

        CREATE VIEW catalog.v1_sessions AS
            SELECT x.id, x.stream_id, x.epoch, x.state, x.grace, s.slug, x.title, x.record, x.started_at,
                x.away_at, x.ended_at
            FROM catalog.sessions x JOIN catalog.streams s ON s.id = x.stream_id;
        GRANT SELECT ON catalog.v1_sessions TO martlet_ingest, martlet_origin;

        -- A purged recording's media may be deleted.
        CREATE VIEW catalog.v1_recordings AS
            SELECT id, session_id, stream_id, state, duration, bytes, tracks, started_at, ended_at,
                deleted_at IS NOT NULL AS deleted, purged_at IS NOT NULL AS purged
            FROM catalog.recordings;
        GRANT SELECT ON catalog.v1_recordings TO martlet_origin;
        """

    private static let publishing = """
        CREATE FUNCTION catalog.note_session(p_type text, p_session catalog.sessions, p_resumed boolean)
        RETURNS void LANGUAGE sql AS $$
            INSERT INTO catalog.outbox (type, subject, data)
            SELECT p_type, s.id, jsonb_build_object(
                'streamId', s.id, 'slug', s.slug, 'title', s.title, 'sessionId', (p_session).id,
                'epoch', (p_session).epoch, 'state', (p_session).state, 'resumed', p_resumed
            ) FROM catalog.streams s WHERE s.id = (p_session).stream_id
        $$;

        CREATE FUNCTION catalog.end_session(p_session text, p_epoch bigint) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            DECLARE ended catalog.sessions;
            BEGIN
                UPDATE catalog.sessions SET state = 'ended', ended_at = now()
                WHERE id = p_session AND epoch <= p_epoch AND state <> 'ended' RETURNING * INTO ended;
                IF NOT FOUND THEN RETURN false; END IF;
                PERFORM catalog.note_session('stream.ended', ended, false);
                RETURN true;
            END $$;

        -- The one place where an epoch is made. No row: there is no such stream.
        CREATE FUNCTION catalog.v1_open_session(
            p_stream text, p_protocol text, p_encoder text, p_address text, p_grace integer
        ) RETURNS TABLE (
            session_id text, epoch bigint, slug text, title text, started_at timestamptz, resumed boolean,
            record boolean
        )
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            #variable_conflict use_column
            DECLARE
                stream catalog.streams;
                current catalog.sessions;
                is_resumed boolean := false;
            BEGIN
                UPDATE catalog.streams SET publish_epoch = publish_epoch + 1
                WHERE id = p_stream AND deleted_at IS NULL RETURNING * INTO stream;
                IF NOT FOUND THEN RETURN; END IF;
                SELECT * INTO current FROM catalog.sessions
                WHERE stream_id = stream.id AND state <> 'ended' FOR UPDATE;
                IF FOUND THEN
                    is_resumed := current.state = 'live'
                        OR current.away_at + make_interval(secs => current.grace) >= now();
                    IF NOT is_resumed THEN PERFORM catalog.end_session(current.id, current.epoch); END IF;
                END IF;
                IF is_resumed THEN
                    UPDATE catalog.sessions SET epoch = stream.publish_epoch, state = 'live', away_at = NULL,
                        protocol = p_protocol, encoder = p_encoder, address = p_address, grace = p_grace
                    WHERE id = current.id RETURNING * INTO current;
                ELSE
                    INSERT INTO catalog.sessions
                        (stream_id, epoch, protocol, encoder, address, grace, title, record)
                    VALUES (
                        stream.id, stream.publish_epoch, p_protocol, p_encoder, p_address, p_grace,
                        stream.title, stream.record
                    ) RETURNING * INTO current;
                END IF;
                PERFORM catalog.note_session('stream.live', current, is_resumed);
                RETURN QUERY SELECT current.id, current.epoch, stream.slug, stream.title, current.started_at,
                    is_resumed, current.record;
            END $$;

        CREATE FUNCTION catalog.v1_set_session_state(p_session text, p_epoch bigint, p_state text)
        RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            DECLARE changed catalog.sessions;
            BEGIN
                IF p_state NOT IN ('live', 'away') THEN
                    RAISE EXCEPTION 'a session is set to live or away, not to %', p_state
                        USING ERRCODE = 'invalid_parameter_value';
                END IF;
                UPDATE catalog.sessions
                SET state = p_state, away_at = CASE WHEN p_state = 'away' THEN now() END
                WHERE id = p_session AND epoch <= p_epoch AND state NOT IN ('ended', p_state)
                RETURNING * INTO changed;
                IF NOT FOUND THEN RETURN false; END IF;
                PERFORM catalog.note_session('stream.' || p_state, changed, p_state = 'live');
                RETURN true;
            END $$;

        CREATE FUNCTION catalog.v1_end_session(p_session text, p_epoch bigint) RETURNS boolean
        LANGUAGE sql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            SELECT catalog.end_session(p_session, p_epoch)
        $$;

        -- Tells whoever listens to the events that the set of tracks or a configuration has changed.
        CREATE FUNCTION catalog.v1_note_tracks(p_session text, p_epoch bigint, p_tracks jsonb)
        RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            BEGIN
                INSERT INTO catalog.outbox (type, subject, data)
                SELECT 'tracks.changed', stream_id, jsonb_build_object(
                    'streamId', stream_id, 'sessionId', id, 'epoch', epoch, 'tracks', p_tracks
                )
                FROM catalog.sessions WHERE id = p_session AND epoch <= p_epoch AND state <> 'ended';
                RETURN FOUND;
            END $$;

        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA catalog FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION
            catalog.v1_open_session(text, text, text, text, integer),
            catalog.v1_set_session_state(text, bigint, text),
            catalog.v1_end_session(text, bigint),
            catalog.v1_note_tracks(text, bigint, jsonb)
        TO martlet_ingest;
        """

    private static let recording = """
        CREATE FUNCTION catalog.note_recording(p_type text, p_recording catalog.recordings)
        RETURNS void LANGUAGE sql AS $$
            INSERT INTO catalog.outbox (type, subject, data)
            VALUES (p_type, (p_recording).id, jsonb_build_object(
                'recordingId', (p_recording).id, 'streamId', (p_recording).stream_id,
                'sessionId', (p_recording).session_id, 'state', (p_recording).state,
                'duration', (p_recording).duration, 'bytes', (p_recording).bytes
            ))
        $$;

        -- What is complete or failed stays so. No row: there is no such session.
        CREATE FUNCTION catalog.v1_report_recording(
            p_session text, p_duration double precision, p_bytes bigint, p_state text, p_tracks jsonb
        ) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            DECLARE
                reported catalog.recordings;
                is_over boolean := p_state <> 'recording';
            BEGIN
                INSERT INTO catalog.recordings AS r
                    (session_id, stream_id, title, state, duration, bytes, tracks, started_at, ended_at)
                SELECT id, stream_id, title, p_state, p_duration, p_bytes, coalesce(p_tracks, '[]'), started_at,
                    CASE WHEN is_over THEN now() END
                FROM catalog.sessions WHERE id = p_session
                ON CONFLICT (session_id) DO UPDATE SET
                    state = excluded.state, duration = excluded.duration, bytes = excluded.bytes,
                    tracks = excluded.tracks, ended_at = excluded.ended_at, version = r.version + 1
                WHERE r.purged_at IS NULL AND (r.state = 'recording' OR excluded.state <> 'recording')
                RETURNING * INTO reported;
                IF NOT FOUND THEN RETURN NULL; END IF;
                PERFORM catalog.note_recording(
                    CASE WHEN is_over THEN 'recording.ended' ELSE 'recording.updated' END, reported
                );
                RETURN reported.id;
            END $$;

        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA catalog FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION
            catalog.v1_report_recording(text, double precision, bigint, text, jsonb)
        TO martlet_origin;
        """

    private static let retention = """
        CREATE INDEX recordings_purged ON catalog.recordings (purged_at) WHERE purged_at IS NOT NULL;
        CREATE OR REPLACE VIEW catalog.v1_recordings AS
            SELECT id, session_id, stream_id, state, duration, bytes, tracks, started_at, ended_at,
                deleted_at IS NOT NULL AS deleted, purged_at IS NOT NULL AS purged, purged_at
            FROM catalog.recordings;

        -- The media is gone for good, for its time was over.
        CREATE FUNCTION catalog.v1_forget_recording(p_session text) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            DECLARE forgotten catalog.recordings;
            BEGIN
                UPDATE catalog.recordings SET deleted_at = coalesce(deleted_at, now()), purged_at = now()
                WHERE session_id = p_session AND purged_at IS NULL RETURNING * INTO forgotten;
                IF NOT FOUND THEN RETURN false; END IF;
                PERFORM catalog.note_recording('recording.deleted', forgotten);
                RETURN true;
            END $$;
        REVOKE ALL ON FUNCTION catalog.v1_forget_recording(text) FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION catalog.v1_forget_recording(text) TO martlet_origin;
        """

    private static let hidden = """
        -- What was deleted is not shown any more, whether it can still be had back or not: whole streams
        -- (without a session) and single recordings. After a week their media has long been deleted.
        CREATE VIEW catalog.v1_hidden_media AS
            SELECT id AS stream_id, NULL::text AS session_id FROM catalog.streams
            WHERE deleted_at IS NOT NULL AND (purged_at IS NULL OR purged_at > now() - interval '7 days')
            UNION ALL
            SELECT stream_id, session_id FROM catalog.recordings
            WHERE deleted_at IS NOT NULL AND (purged_at IS NULL OR purged_at > now() - interval '7 days');
        GRANT SELECT ON catalog.v1_hidden_media TO martlet_origin;

        -- Streams that cannot be had back.
        CREATE VIEW catalog.v1_purged_streams AS
            SELECT id, purged_at FROM catalog.streams WHERE purged_at IS NOT NULL;
        GRANT SELECT ON catalog.v1_purged_streams TO martlet_auth;
        """

    private static let failures = """
        ALTER TABLE catalog.recordings ADD COLUMN failure text;
        CREATE OR REPLACE VIEW catalog.v1_recordings AS
            SELECT id, session_id, stream_id, state, duration, bytes, tracks, started_at, ended_at,
                deleted_at IS NOT NULL AS deleted, purged_at IS NOT NULL AS purged, purged_at, failure
            FROM catalog.recordings;

        -- What is complete is never recording again; what has failed stays so, however much is recorded after it.
        -- No row: there is no such session.
        DROP FUNCTION catalog.v1_report_recording(text, double precision, bigint, text, jsonb);
        CREATE FUNCTION catalog.v1_report_recording(
            p_session text, p_duration double precision, p_bytes bigint, p_state text, p_tracks jsonb,
            p_failure text DEFAULT NULL
        ) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = catalog, pg_temp AS $$
            DECLARE
                reported catalog.recordings;
                is_over boolean := p_state <> 'recording';
            BEGIN
                INSERT INTO catalog.recordings AS r
                    (session_id, stream_id, title, state, failure, duration, bytes, tracks, started_at, ended_at)
                SELECT id, stream_id, title, p_state, CASE WHEN p_state = 'failed' THEN p_failure END,
                    p_duration, p_bytes, coalesce(p_tracks, '[]'), started_at, CASE WHEN is_over THEN now() END
                FROM catalog.sessions WHERE id = p_session
                ON CONFLICT (session_id) DO UPDATE SET
                    state = CASE WHEN r.state = 'failed' THEN r.state ELSE excluded.state END,
                    failure = coalesce(r.failure, excluded.failure),
                    duration = excluded.duration, bytes = excluded.bytes,
                    tracks = excluded.tracks, ended_at = excluded.ended_at, version = r.version + 1
                WHERE r.purged_at IS NULL AND (r.state = 'recording' OR excluded.state <> 'recording')
                RETURNING * INTO reported;
                IF NOT FOUND THEN RETURN NULL; END IF;
                PERFORM catalog.note_recording(
                    CASE WHEN is_over THEN 'recording.ended' ELSE 'recording.updated' END, reported
                );
                RETURN reported.id;
            END $$;
        REVOKE ALL ON FUNCTION catalog.v1_report_recording(text, double precision, bigint, text, jsonb, text)
        FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION
            catalog.v1_report_recording(text, double precision, bigint, text, jsonb, text)
        TO martlet_origin;
        """
}
