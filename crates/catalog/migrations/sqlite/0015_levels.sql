-- Which levels an image has: the setting and the version that they were made by. 'off' is none.
ALTER TABLE images ADD COLUMN levels TEXT NOT NULL DEFAULT 'off';

-- Finds those that have others than are wanted.
CREATE INDEX images_by_levels ON images (levels);

-- An image cannot be deleted before its levels: there is no cascade on purpose.
CREATE TABLE levels (
    blob TEXT NOT NULL REFERENCES images (blob),
    divisor INTEGER NOT NULL CHECK (divisor > 1),
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (blob, divisor)
) STRICT, WITHOUT ROWID;

ALTER TABLE counters ADD COLUMN levels INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN level_bytes INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER level_counted AFTER INSERT ON levels BEGIN
    UPDATE counters SET levels = levels + 1, level_bytes = level_bytes + NEW.bytes WHERE account = NEW.account;
END;

CREATE TRIGGER level_uncounted AFTER DELETE ON levels BEGIN
    UPDATE counters SET levels = levels - 1, level_bytes = level_bytes - OLD.bytes WHERE account = OLD.account;
END;
