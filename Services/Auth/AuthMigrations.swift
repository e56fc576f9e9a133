import Postgres

/// The schema `auth`, which this service alone owns; others see its views `v1_…`.
enum AuthMigrations {
    static let all = PostgresMigrations(
        schema: "auth",
        [
            .init(1, "accounts, grants and sessions", accounts),
            .init(2, "stream keys", streamKeys),
            .init(3, "media token keys", mediaKeys),
            .init(4, "outbox and revocation", outbox),
            .init(5, "names of stream keys", keyNames),
        ]
    )

    private static let accounts = """
        CREATE TABLE auth.users (
            id text PRIMARY KEY,
            name text NOT NULL,
            password_hash text NOT NULL,
            role text NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
            created_at timestamptz NOT NULL DEFAULT now(),
            disabled_at timestamptz
        );
        CREATE UNIQUE INDEX users_name ON auth.users (lower(name));

        -- What one credential, or the credentials of one share link, may do, and until when.
        CREATE TABLE auth.grants (
            id text PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('password', 'session', 'token', 'share')),
            subject text NOT NULL,
            role text NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
            stream_id text,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz,
            revoked_at timestamptz
        );
        CREATE INDEX grants_subject ON auth.grants (subject) WHERE revoked_at IS NULL;
        CREATE INDEX grants_expiry ON auth.grants (expires_at) WHERE expires_at IS NOT NULL;

        -- Cookies: of a login, or of a browser that exchanged a share link's secret.
        CREATE TABLE auth.sessions (
            secret_hash bytea PRIMARY KEY,
            grant_id text NOT NULL REFERENCES auth.grants ON DELETE CASCADE,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL
        );
        CREATE INDEX sessions_expiry ON auth.sessions (expires_at);
        CREATE INDEX sessions_grant ON auth.sessions (grant_id);

        CREATE TABLE auth.api_tokens (
            id text PRIMARY KEY,
            user_id text NOT NULL REFERENCES auth.users ON DELETE CASCADE,
            name text NOT NULL,
            secret_hash bytea NOT NULL UNIQUE,
            grant_id text NOT NULL UNIQUE REFERENCES auth.grants,
            created_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE auth.share_links (
            id text PRIMARY KEY,
            stream_id text NOT NULL,
            name text NOT NULL,
            secret_hash bytea NOT NULL UNIQUE,
            grant_id text NOT NULL UNIQUE REFERENCES auth.grants,
            created_by text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz
        );
        CREATE INDEX share_links_stream ON auth.share_links (stream_id, created_at);
        """

    private static let streamKeys = """
        CREATE TABLE auth.stream_keys (
            id text PRIMARY KEY,
            stream_id text NOT NULL,
            name text NOT NULL,
            secret_hash bytea NOT NULL,
            created_by text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            rotated_at timestamptz,
            revoked_at timestamptz
        );
        CREATE UNIQUE INDEX stream_keys_name ON auth.stream_keys (name) WHERE revoked_at IS NULL;
        CREATE INDEX stream_keys_stream ON auth.stream_keys (stream_id, created_at);

        -- One row for each public name: the living key, else the one that was revoked last.
        CREATE VIEW auth.v1_stream_keys AS
            SELECT DISTINCT ON (name)
                id AS key_id, stream_id, name, secret_hash, revoked_at IS NOT NULL AS revoked
            FROM auth.stream_keys
            ORDER BY name, revoked_at DESC NULLS FIRST;
        GRANT SELECT ON auth.v1_stream_keys TO martlet_ingest;
        """

    private static let mediaKeys = """
        -- The key of a media token is derived from this salt and the master key, which is in no database.
        CREATE TABLE auth.hmac_keys (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            salt bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE FUNCTION auth.note_hmac_key() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_notify('auth_keys', '');
                RETURN NULL;
            END $$;
        CREATE TRIGGER hmac_key_added AFTER INSERT ON auth.hmac_keys
            FOR EACH STATEMENT EXECUTE FUNCTION auth.note_hmac_key();
        """

    private static let outbox = """
        CREATE TABLE auth.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            type text NOT NULL,
            subject text NOT NULL,
            data jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            relayed_at timestamptz
        );
        CREATE INDEX outbox_waiting ON auth.outbox (id) WHERE relayed_at IS NULL;
        CREATE FUNCTION auth.note_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_notify('auth_outbox', '');
                RETURN NULL;
            END $$;
        CREATE TRIGGER outbox_added AFTER INSERT ON auth.outbox
            FOR EACH STATEMENT EXECUTE FUNCTION auth.note_outbox();

        CREATE FUNCTION auth.note_revoked_grant() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO auth.outbox (type, subject, data)
                VALUES ('grant.revoked', NEW.id, jsonb_build_object('grant', NEW.id));
                PERFORM pg_notify('auth_grants', NEW.id);
                RETURN NULL;
            END $$;
        CREATE TRIGGER grant_revoked AFTER UPDATE OF revoked_at ON auth.grants
            FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
            EXECUTE FUNCTION auth.note_revoked_grant();

        -- Whoever publishes with the old secret is put off, also when the key only got a new one.
        CREATE FUNCTION auth.note_revoked_key() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO auth.outbox (type, subject, data)
                VALUES (
                    'key.revoked', NEW.id, jsonb_build_object('keyId', NEW.id, 'streamId', NEW.stream_id)
                );
                RETURN NULL;
            END $$;
        CREATE TRIGGER key_revoked AFTER UPDATE ON auth.stream_keys
            FOR EACH ROW WHEN (
                OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL OR OLD.secret_hash <> NEW.secret_hash
            )
            EXECUTE FUNCTION auth.note_revoked_key();
        """

    private static let keyNames = """
        -- The public names of the living keys, without their secrets.
        CREATE VIEW auth.v1_stream_key_names AS
            SELECT name, stream_id FROM auth.stream_keys WHERE revoked_at IS NULL;
        GRANT SELECT ON auth.v1_stream_key_names TO martlet_catalog;
        """
}
