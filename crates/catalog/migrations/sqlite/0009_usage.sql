-- Counts of delivery in points of `width` seconds that begin at `begin`, seconds since 1970.
CREATE TABLE usage (
    account TEXT NOT NULL REFERENCES accounts (id),
    width INTEGER NOT NULL,
    begin INTEGER NOT NULL,
    measure TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (account, width, begin, measure)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_age ON usage (width, begin);

ALTER TABLE signing_keys ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN used_ms INTEGER;
ALTER TABLE signing_keys ADD COLUMN replaces TEXT;

-- When older keys were made is not known; not before their account.
UPDATE signing_keys SET created_ms = (SELECT created_ms FROM accounts WHERE accounts.id = signing_keys.account);

ALTER TABLE tokens ADD COLUMN used_ms INTEGER;

ALTER TABLE counters ADD COLUMN original_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN renditions INTEGER NOT NULL DEFAULT 0;

UPDATE counters SET
    original_bytes = coalesce((SELECT sum(bytes) FROM images WHERE images.account = counters.account), 0),
    renditions = (SELECT count(*) FROM renditions WHERE renditions.account = counters.account);

CREATE TRIGGER original_counted AFTER INSERT ON images BEGIN
    UPDATE counters SET original_bytes = original_bytes + NEW.bytes WHERE account = NEW.account;
END;

CREATE TRIGGER original_uncounted AFTER DELETE ON images BEGIN
    UPDATE counters SET original_bytes = original_bytes - OLD.bytes WHERE account = OLD.account;
END;

CREATE TRIGGER rendition_numbered AFTER INSERT ON renditions BEGIN
    UPDATE counters SET renditions = renditions + 1 WHERE account = NEW.account;
END;

CREATE TRIGGER rendition_unnumbered AFTER DELETE ON renditions BEGIN
    UPDATE counters SET renditions = renditions - 1 WHERE account = OLD.account;
END;
