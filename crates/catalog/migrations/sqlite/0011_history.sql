-- What was done to images, also to those that are gone.
CREATE TABLE image_events (
    row INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    image TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    changes TEXT NOT NULL
) STRICT;

CREATE INDEX image_events_of_image ON image_events (account, image, row);

CREATE INDEX deletions_by_age ON image_events (at_ms) WHERE action = 'deleted';
