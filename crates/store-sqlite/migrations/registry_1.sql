-- Instants are decimal nanoseconds since 1970 in text: 64 bits do not hold them all. Lists are JSON.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO meta (name, value) VALUES ('version', '0');

CREATE TABLE organisations (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    organisation TEXT,
    enabled      INTEGER NOT NULL,
    acts_as      TEXT NOT NULL,
    paths        TEXT NOT NULL,
    jwks_url     TEXT,
    role         TEXT,
    created      TEXT NOT NULL
) STRICT;

-- Deferred, since one unit may move an identifier from account to account.
CREATE TABLE identifiers (
    namespace TEXT NOT NULL,
    value     TEXT NOT NULL,
    account   TEXT NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    place     INTEGER NOT NULL,
    PRIMARY KEY (namespace, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identifiers_of ON identifiers (account, place);

CREATE TABLE keys (
    id             TEXT PRIMARY KEY,
    account        TEXT NOT NULL,
    label          TEXT NOT NULL,
    spki           BLOB NOT NULL,
    state          TEXT NOT NULL,
    retiring_until TEXT,
    not_before     TEXT,
    expires        TEXT,
    dialects       TEXT NOT NULL,
    algorithms     TEXT NOT NULL,
    methods        TEXT NOT NULL,
    paths          TEXT NOT NULL,
    networks       TEXT NOT NULL,
    created        TEXT NOT NULL,
    last_used      TEXT,
    last_address   TEXT
) STRICT;
CREATE INDEX keys_of ON keys (account);

CREATE TABLE companions (
    id      TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    dialect TEXT NOT NULL,
    label   TEXT NOT NULL,
    digest  TEXT NOT NULL UNIQUE,
    bound   INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    created TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    name    TEXT PRIMARY KEY,
    enabled INTEGER NOT NULL,
    created TEXT NOT NULL
) STRICT;

CREATE TABLE members (
    organisation TEXT NOT NULL,
    account      TEXT NOT NULL,
    role         TEXT NOT NULL,
    PRIMARY KEY (organisation, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE join_codes (
    digest       TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    role         TEXT NOT NULL,
    expires      TEXT NOT NULL,
    once         INTEGER NOT NULL,
    created      TEXT NOT NULL
) STRICT;

CREATE TABLE secrets (
    name    TEXT PRIMARY KEY,
    value   BLOB NOT NULL,
    sealed  INTEGER NOT NULL,
    created TEXT NOT NULL,
    retired TEXT
) STRICT;

CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    chain   TEXT NOT NULL
) STRICT;
