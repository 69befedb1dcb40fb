-- Buckets that images come from. Their secrets are here as long as they are.
CREATE TABLE sourcing_sources (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    vendor TEXT NOT NULL,
    bucket TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    region TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    secret_access_key TEXT NOT NULL,
    session_token TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX sourcing_sources_of_account ON sourcing_sources (account, number);

CREATE TABLE sourcing_migrations (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id),
    source TEXT REFERENCES sourcing_sources (id) ON DELETE SET NULL,
    root_directory TEXT,
    path_prefix TEXT,
    conflict TEXT NOT NULL,
    excluded TEXT NOT NULL,
    privacy TEXT NOT NULL,
    status TEXT NOT NULL,
    pages INTEGER NOT NULL DEFAULT 0,
    -- The last key that was listed.
    after TEXT,
    whole INTEGER NOT NULL DEFAULT 0,
    scanned INTEGER NOT NULL DEFAULT 0,
    imported INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    skipped_conflict INTEGER NOT NULL DEFAULT 0,
    skipped_excluded INTEGER NOT NULL DEFAULT 0,
    skipped_media INTEGER NOT NULL DEFAULT 0,
    skipped_name INTEGER NOT NULL DEFAULT 0,
    skipped_oversize INTEGER NOT NULL DEFAULT 0,
    skipped_class INTEGER NOT NULL DEFAULT 0,
    skipped_unsupported INTEGER NOT NULL DEFAULT 0,
    logs INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    ended_ms INTEGER
) STRICT;

CREATE INDEX sourcing_migrations_of_account ON sourcing_migrations (account, number);

CREATE INDEX sourcing_migrations_of_source ON sourcing_migrations (source);

CREATE INDEX sourcing_migrations_processing ON sourcing_migrations (number) WHERE status = 'processing';

-- Objects that are listed and still to come. Each has its id before it is fetched, so that a repetition finds it.
CREATE TABLE sourcing_objects (
    number INTEGER PRIMARY KEY,
    migration TEXT NOT NULL REFERENCES sourcing_migrations (id) ON DELETE CASCADE,
    object_key TEXT NOT NULL,
    image TEXT NOT NULL
) STRICT;

CREATE INDEX sourcing_objects_of_migration ON sourcing_objects (migration, number);

CREATE TABLE sourcing_logs (
    number INTEGER PRIMARY KEY,
    migration TEXT NOT NULL REFERENCES sourcing_migrations (id) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE INDEX sourcing_logs_of_migration ON sourcing_logs (migration, number);
