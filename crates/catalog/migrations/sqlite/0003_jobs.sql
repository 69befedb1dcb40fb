-- payload is what the kind says: for delete-blob, the blob.
-- A lease moves due_ms into the future, so that the job of a runner that died is due again by itself.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT REFERENCES accounts (id),
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX jobs_by_due ON jobs (due_ms, id);
