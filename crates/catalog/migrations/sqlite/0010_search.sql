-- Numbers that the index of texts knows images by. Those of an account's images are its own number
-- times 2^40 and more, so that a search stays among them; search_index.rs keeps all of it.
CREATE TABLE account_numbers (
    number INTEGER PRIMARY KEY CHECK (number < 8388608),
    account TEXT NOT NULL UNIQUE REFERENCES accounts (id)
) STRICT;

-- NULL is an image that is older than the index. It is put into it when the catalog is opened.
ALTER TABLE images ADD COLUMN number INTEGER;

CREATE UNIQUE INDEX images_by_number ON images (number);

CREATE INDEX images_without_number ON images (account, id) WHERE number IS NULL;

-- What lists are sorted by, beside upload time and id. A cursor can be compared with a column alone, not with an expression.
ALTER TABLE images ADD COLUMN sorted_filename TEXT COLLATE NOCASE AS (ifnull(filename, '')) VIRTUAL;

CREATE INDEX images_by_filename ON images (account, sorted_filename, id);

CREATE INDEX images_by_bytes ON images (account, bytes, id);

-- Every three characters of an image's texts, which are folded before. The texts themselves are in images.
CREATE VIRTUAL TABLE image_search USING fts5 (
    id, filename, creator, metadata,
    content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);
