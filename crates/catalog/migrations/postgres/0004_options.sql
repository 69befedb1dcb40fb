ALTER TABLE images ADD COLUMN frames BIGINT NOT NULL DEFAULT 1;

-- Whether options in URLs are served.
ALTER TABLE accounts ADD COLUMN flexible_variants BIGINT NOT NULL DEFAULT 0;

-- One text holds all options of a variant.
ALTER TABLE variants ADD COLUMN transform TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE variants SET transform = 'fit=' || fit
    || CASE WHEN width IS NULL THEN '' ELSE ',width=' || width END
    || CASE WHEN height IS NULL THEN '' ELSE ',height=' || height END
    || ',blur=' || blur || ',metadata=' || metadata;
ALTER TABLE variants DROP COLUMN fit;
ALTER TABLE variants DROP COLUMN width;
ALTER TABLE variants DROP COLUMN height;
ALTER TABLE variants DROP COLUMN blur;
ALTER TABLE variants DROP COLUMN metadata;
