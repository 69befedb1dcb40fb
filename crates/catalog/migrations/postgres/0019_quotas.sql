-- What an account is given apart from the others: NULL follows the instance, -1 is no bound.
ALTER TABLE accounts ADD COLUMN quota_images BIGINT;
ALTER TABLE accounts ADD COLUMN quota_bytes BIGINT;
ALTER TABLE accounts ADD COLUMN quota_renders BIGINT;
