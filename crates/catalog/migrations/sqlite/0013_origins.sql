-- Origins under which an account's pictures are reachable, in the order given; they are offered for links.
CREATE TABLE domains (
    account TEXT NOT NULL REFERENCES accounts (id),
    place INTEGER NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (account, place)
) STRICT, WITHOUT ROWID;

-- Allowed origins of remote images beside those of the settings.
CREATE TABLE remote_origins (
    place INTEGER NOT NULL PRIMARY KEY,
    entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;
