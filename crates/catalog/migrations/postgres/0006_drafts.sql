-- A draft whose link was used stays for a while, so that a second use can be told from an unknown link.
CREATE TABLE drafts (
    link BYTEA NOT NULL PRIMARY KEY CHECK (length(link) = 32),
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    id TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    creator TEXT COLLATE "C",
    privacy TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used BIGINT NOT NULL DEFAULT 0,
    refusals BIGINT NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX drafts_by_id ON drafts (account, id) WHERE used = 0;

CREATE INDEX drafts_by_expiry ON drafts (expires_ms);

ALTER TABLE counters ADD COLUMN drafts BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION draft_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET drafts = drafts + 1 WHERE account = NEW.account;
    RETURN NULL;
END $$;

CREATE TRIGGER draft_counted AFTER INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION draft_counted();

CREATE FUNCTION draft_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET drafts = drafts - 1 WHERE account = OLD.account;
    RETURN NULL;
END $$;

CREATE TRIGGER draft_uncounted AFTER DELETE ON drafts FOR EACH ROW EXECUTE FUNCTION draft_uncounted();

-- A batch token goes with the token that asked for it.
CREATE TABLE batch_tokens (
    hash BYTEA NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    parent TEXT COLLATE "C" NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    scopes TEXT COLLATE "C" NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX batch_tokens_of_account ON batch_tokens (account, expires_ms);

CREATE INDEX batch_tokens_of_parent ON batch_tokens (parent);

CREATE INDEX batch_tokens_by_expiry ON batch_tokens (expires_ms);

-- The secret is sent with every message, so it is kept as it is.
CREATE TABLE webhooks (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (id),
    url TEXT COLLATE "C" NOT NULL,
    secret TEXT COLLATE "C"
);

-- Jobs wait in a line of their kind, so that slow ones do not hold up the rest.
DROP INDEX jobs_by_due;

CREATE INDEX jobs_by_due ON jobs (kind, due_ms, id);

CREATE INDEX jobs_of_account ON jobs (account, kind);
