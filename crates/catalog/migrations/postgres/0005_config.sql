-- Seconds that browsers may keep pictures where the variant does not say; NULL is the default.
ALTER TABLE accounts ADD COLUMN browser_ttl BIGINT;
