-- Origins under which an account's pictures are reachable, in the order given; they are offered for links.
CREATE TABLE domains (
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    place BIGINT NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, place)
);

-- Allowed origins of remote images beside those of the settings.
CREATE TABLE remote_origins (
    place BIGINT NOT NULL PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL
);
