-- What is brought from elsewhere. The token of the source is here while the import runs, and no longer.
CREATE TABLE imports (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    api TEXT,
    source_account TEXT,
    token TEXT,
    state TEXT NOT NULL,
    listed TEXT NOT NULL,
    continuation TEXT,
    pages INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    imported INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    message TEXT
) STRICT;

CREATE INDEX imports_of_account ON imports (account, number);

CREATE INDEX imports_running ON imports (number) WHERE state = 'running';

-- Images that are still to come. Each has its id before it is fetched, so that a repetition finds it.
CREATE TABLE import_items (
    number INTEGER PRIMARY KEY,
    import TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    image TEXT NOT NULL,
    filename TEXT,
    metadata TEXT NOT NULL,
    creator TEXT,
    privacy TEXT NOT NULL
) STRICT;

CREATE INDEX import_items_of_import ON import_items (import, number);

CREATE TABLE import_failures (
    number INTEGER PRIMARY KEY,
    import TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE INDEX import_failures_of_import ON import_failures (import, number);
