CREATE TABLE accounts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE INDEX tokens_of_account ON tokens (account, created_ms, id);

CREATE TABLE signing_keys (
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL CHECK (length(value) > 0),
    PRIMARY KEY (account, name)
);

CREATE TABLE variants (
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name TEXT COLLATE "C" NOT NULL,
    fit TEXT COLLATE "C" NOT NULL,
    width BIGINT,
    height BIGINT,
    blur DOUBLE PRECISION NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    browser_ttl BIGINT,
    access TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, name)
);
