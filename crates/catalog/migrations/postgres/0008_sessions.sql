-- Browsers that are logged in to the dashboard. A session goes with the token that opened it.
CREATE TABLE sessions (
    hash BYTEA NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    parent TEXT COLLATE "C" NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX sessions_of_parent ON sessions (parent, created_ms);

CREATE INDEX sessions_by_expiry ON sessions (expires_ms);
