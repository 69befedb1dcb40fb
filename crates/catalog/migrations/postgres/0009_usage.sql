-- Counts of delivery in points of `width` seconds that begin at `begin`, seconds since 1970.
CREATE TABLE usage (
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    width BIGINT NOT NULL,
    begin BIGINT NOT NULL,
    measure TEXT COLLATE "C" NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (account, width, begin, measure)
);

CREATE INDEX usage_by_age ON usage (width, begin);

ALTER TABLE signing_keys ADD COLUMN created_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN used_ms BIGINT;
ALTER TABLE signing_keys ADD COLUMN replaces TEXT COLLATE "C";

-- When older keys were made is not known; not before their account.
UPDATE signing_keys SET created_ms = (SELECT created_ms FROM accounts WHERE accounts.id = signing_keys.account);

ALTER TABLE tokens ADD COLUMN used_ms BIGINT;

ALTER TABLE counters ADD COLUMN original_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN renditions BIGINT NOT NULL DEFAULT 0;

UPDATE counters SET
    original_bytes = coalesce((SELECT sum(bytes) FROM images WHERE images.account = counters.account), 0),
    renditions = (SELECT count(*) FROM renditions WHERE renditions.account = counters.account);

CREATE FUNCTION original_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET original_bytes = original_bytes + NEW.bytes WHERE account = NEW.account;
    RETURN NULL;
END $$;

CREATE TRIGGER original_counted AFTER INSERT ON images FOR EACH ROW EXECUTE FUNCTION original_counted();

CREATE FUNCTION original_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET original_bytes = original_bytes - OLD.bytes WHERE account = OLD.account;
    RETURN NULL;
END $$;

CREATE TRIGGER original_uncounted AFTER DELETE ON images FOR EACH ROW EXECUTE FUNCTION original_uncounted();

CREATE FUNCTION rendition_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET renditions = renditions + 1 WHERE account = NEW.account;
    RETURN NULL;
END $$;

CREATE TRIGGER rendition_numbered AFTER INSERT ON renditions FOR EACH ROW EXECUTE FUNCTION rendition_numbered();

CREATE FUNCTION rendition_unnumbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE counters SET renditions = renditions - 1 WHERE account = OLD.account;
    RETURN NULL;
END $$;

CREATE TRIGGER rendition_unnumbered AFTER DELETE ON renditions FOR EACH ROW EXECUTE FUNCTION rendition_unnumbered();
