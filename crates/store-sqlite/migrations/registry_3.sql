-- Whether keys that members register themselves wait for a manager.
ALTER TABLE organisations ADD COLUMN approval INTEGER NOT NULL DEFAULT 0;

-- From where a key was used, and when last, in Unix seconds: the newest few addresses of each.
CREATE TABLE key_uses (
    key     TEXT NOT NULL,
    address TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (key, address)
) STRICT, WITHOUT ROWID;
