-- A draft whose link was used stays for a while, so that a second use can be told from an unknown link.
CREATE TABLE drafts (
    link BLOB NOT NULL PRIMARY KEY CHECK (length(link) = 32),
    account TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    metadata TEXT NOT NULL,
    creator TEXT,
    privacy TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX drafts_by_id ON drafts (account, id) WHERE used = 0;

CREATE INDEX drafts_by_expiry ON drafts (expires_ms);

ALTER TABLE counters ADD COLUMN drafts INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER draft_counted AFTER INSERT ON drafts BEGIN
    UPDATE counters SET drafts = drafts + 1 WHERE account = NEW.account;
END;

CREATE TRIGGER draft_uncounted AFTER DELETE ON drafts BEGIN
    UPDATE counters SET drafts = drafts - 1 WHERE account = OLD.account;
END;

-- A batch token goes with the token that asked for it.
CREATE TABLE batch_tokens (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    account TEXT NOT NULL REFERENCES accounts (id),
    parent TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX batch_tokens_of_account ON batch_tokens (account, expires_ms);

CREATE INDEX batch_tokens_of_parent ON batch_tokens (parent);

CREATE INDEX batch_tokens_by_expiry ON batch_tokens (expires_ms);

-- The secret is sent with every message, so it is kept as it is.
CREATE TABLE webhooks (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    url TEXT NOT NULL,
    secret TEXT
) STRICT, WITHOUT ROWID;

-- Jobs wait in a line of their kind, so that slow ones do not hold up the rest.
DROP INDEX jobs_by_due;

CREATE INDEX jobs_by_due ON jobs (kind, due_ms, id);

CREATE INDEX jobs_of_account ON jobs (account, kind);
