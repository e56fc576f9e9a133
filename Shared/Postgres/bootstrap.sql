-- Makes the roles and schemas of Martlet in the current database; may be run again at any time.
-- Run by a superuser: psql -v ON_ERROR_STOP=1 [-v auth_password=… -v catalog_password=…
-- -v ingest_password=… -v origin_password=…] -d martlet -f bootstrap.sql
-- A role without a password logs in only where pg_hba.conf trusts it or knows it as a peer.

SET client_min_messages = warning;

SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY['martlet_auth', 'martlet_catalog', 'martlet_ingest', 'martlet_origin']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

\if :{?auth_password}
ALTER ROLE martlet_auth PASSWORD :'auth_password';
\endif
\if :{?catalog_password}
ALTER ROLE martlet_catalog PASSWORD :'catalog_password';
\endif
\if :{?ingest_password}
ALTER ROLE martlet_ingest PASSWORD :'ingest_password';
\endif
\if :{?origin_password}
ALTER ROLE martlet_origin PASSWORD :'origin_password';
\endif

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION martlet_auth;
CREATE SCHEMA IF NOT EXISTS catalog AUTHORIZATION martlet_catalog;

-- The schemas can be seen by all; what is in them only by grants in the owners' migrations.
GRANT USAGE ON SCHEMA auth TO martlet_catalog, martlet_ingest, martlet_origin;
GRANT USAGE ON SCHEMA catalog TO martlet_auth, martlet_ingest, martlet_origin;
