-- Whether a picture is shown with its sides swapped; not known of images that were stored before.
ALTER TABLE images ADD COLUMN turn TEXT COLLATE "C" NOT NULL DEFAULT 'unknown';
