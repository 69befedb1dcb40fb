CREATE TABLE images (
    account TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    blob TEXT NOT NULL UNIQUE,
    format TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    has_alpha INTEGER NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    filename TEXT,
    metadata TEXT NOT NULL,
    creator TEXT,
    privacy TEXT NOT NULL,
    uploaded_ms INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;

CREATE INDEX images_by_upload ON images (account, uploaded_ms, id);

CREATE INDEX images_by_creator ON images (account, creator, uploaded_ms, id);

-- An image cannot be deleted before its renditions: there is no cascade on purpose.
CREATE TABLE renditions (
    row INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    blob TEXT NOT NULL REFERENCES images (blob),
    transform TEXT NOT NULL,
    format TEXT NOT NULL,
    engine INTEGER NOT NULL,
    effort INTEGER NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    used_ms INTEGER NOT NULL,
    UNIQUE (blob, transform, format, engine, effort)
) STRICT;

CREATE INDEX renditions_by_use ON renditions (used_ms, row);

CREATE TABLE counters (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    images INTEGER NOT NULL DEFAULT 0,
    rendition_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO counters (account) SELECT id FROM accounts;

CREATE TRIGGER account_gets_counters AFTER INSERT ON accounts BEGIN
    INSERT INTO counters (account) VALUES (NEW.id);
END;

CREATE TRIGGER image_counted AFTER INSERT ON images BEGIN
    UPDATE counters SET images = images + 1 WHERE account = NEW.account;
END;

CREATE TRIGGER image_uncounted AFTER DELETE ON images BEGIN
    UPDATE counters SET images = images - 1 WHERE account = OLD.account;
END;

CREATE TRIGGER rendition_counted AFTER INSERT ON renditions BEGIN
    UPDATE counters SET rendition_bytes = rendition_bytes + NEW.bytes WHERE account = NEW.account;
END;

CREATE TRIGGER rendition_uncounted AFTER DELETE ON renditions BEGIN
    UPDATE counters SET rendition_bytes = rendition_bytes - OLD.bytes WHERE account = OLD.account;
END;
