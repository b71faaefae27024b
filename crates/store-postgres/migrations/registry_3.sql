-- Whether keys that members register themselves wait for a manager.
ALTER TABLE organisations ADD COLUMN approval boolean NOT NULL DEFAULT false;

-- From where a key was used, and when last, in Unix seconds: the newest few addresses of each.
CREATE TABLE key_uses (
    key     text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    at      bigint NOT NULL,
    PRIMARY KEY (key, address)
);
