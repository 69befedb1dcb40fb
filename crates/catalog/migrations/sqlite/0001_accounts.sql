CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX tokens_of_account ON tokens (account, created_ms, id);

CREATE TABLE signing_keys (
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL CHECK (length(value) > 0),
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE variants (
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    fit TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    blur REAL NOT NULL,
    metadata TEXT NOT NULL,
    browser_ttl INTEGER,
    access TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
