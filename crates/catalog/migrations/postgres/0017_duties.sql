-- Work that one node does at a time. Whoever has it renews it before its time is over.
CREATE TABLE duties (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL
);

CREATE INDEX duties_by_time ON duties (until_ms);
