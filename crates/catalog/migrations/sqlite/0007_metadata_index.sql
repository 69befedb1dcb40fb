-- What filters of the list by metadata are answered from; metadata.rs keeps it with every image.
CREATE TABLE metadata_fields (
    field INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    path TEXT NOT NULL,
    UNIQUE (account, path)
) STRICT;

-- One row for each value that a filter can find. Texts are TEXT, numbers REAL, and false and true
-- the blobs 00 and 01, so that values of different types are never equal and numbers stand together.
CREATE TABLE metadata_values (
    field INTEGER NOT NULL REFERENCES metadata_fields (field),
    value ANY NOT NULL,
    uploaded_ms INTEGER NOT NULL,
    image TEXT NOT NULL,
    PRIMARY KEY (field, value, uploaded_ms, image)
) STRICT, WITHOUT ROWID;

-- The numbers of a field in the order of the list.
CREATE INDEX metadata_numbers ON metadata_values (field, uploaded_ms, image, value)
    WHERE typeof(value) = 'real';

-- Bounds on the numbers of a field among the images of some minutes, so that a range can pass over the
-- times that have none of it. Deletions do not narrow them.
CREATE TABLE metadata_zones (
    field INTEGER NOT NULL REFERENCES metadata_fields (field),
    zone INTEGER NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    PRIMARY KEY (field, zone)
) STRICT, WITHOUT ROWID;

-- Images older than the index. They are put into it when the catalog is opened.
CREATE TABLE metadata_backlog (
    owner TEXT NOT NULL,
    image TEXT NOT NULL,
    PRIMARY KEY (owner, image)
) STRICT, WITHOUT ROWID;

INSERT INTO metadata_backlog SELECT account, id FROM images WHERE metadata <> '{}';
