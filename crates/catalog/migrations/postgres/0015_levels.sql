-- Which levels an image has: the setting and the version that they were made by. 'off' is none.
ALTER TABLE images ADD COLUMN levels TEXT COLLATE "C" NOT NULL DEFAULT 'off';

-- Finds those that have others than are wanted.
CREATE INDEX images_by_levels ON images (levels, number);

-- An image cannot be deleted before its levels: there is no cascade on purpose.
CREATE TABLE levels (
    blob TEXT COLLATE "C" NOT NULL REFERENCES images (blob),
    divisor BIGINT NOT NULL CHECK (divisor > 1),
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    name TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (blob, divisor)
);

ALTER TABLE counters ADD COLUMN levels BIGINT NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN level_bytes BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION level_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET levels = levels + 1, level_bytes = level_bytes + NEW.bytes WHERE account = NEW.account;
    RETURN NULL;
END $$;

CREATE TRIGGER level_counted AFTER INSERT ON levels FOR EACH ROW EXECUTE FUNCTION level_counted();

CREATE FUNCTION level_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET levels = levels - 1, level_bytes = level_bytes - OLD.bytes WHERE account = OLD.account;
    RETURN NULL;
END $$;

CREATE TRIGGER level_uncounted AFTER DELETE ON levels FOR EACH ROW EXECUTE FUNCTION level_uncounted();
