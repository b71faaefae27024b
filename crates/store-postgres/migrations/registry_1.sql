-- Instants are decimal nanoseconds since 1970 in text: 64 bits do not hold them all. Lists are JSON. Texts compare byte by
-- byte, whatever the database's locale is, so that no upgrade of the system's locales spoils an index.
CREATE TABLE meta (
    name  text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO meta (name, value) VALUES ('version', '0');

CREATE TABLE organisations (
    id      text COLLATE "C" PRIMARY KEY,
    name    text COLLATE "C" NOT NULL UNIQUE,
    created text NOT NULL
);

CREATE TABLE accounts (
    id           text COLLATE "C" PRIMARY KEY,
    name         text COLLATE "C" NOT NULL UNIQUE,
    organisation text,
    enabled      boolean NOT NULL,
    acts_as      text NOT NULL,
    paths        text NOT NULL,
    jwks_url     text,
    role         text,
    created      text NOT NULL
);

-- Deferred, since one unit may move an identifier from account to account.
CREATE TABLE identifiers (
    namespace text COLLATE "C" NOT NULL,
    value     text COLLATE "C" NOT NULL,
    account   text COLLATE "C" NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    place     bigint NOT NULL,
    PRIMARY KEY (namespace, value)
);
CREATE INDEX identifiers_of ON identifiers (account, place);

CREATE TABLE keys (
    id             text COLLATE "C" PRIMARY KEY,
    account        text COLLATE "C" NOT NULL,
    label          text NOT NULL,
    spki           bytea NOT NULL,
    state          text NOT NULL,
    retiring_until text,
    not_before     text,
    expires        text,
    dialects       text NOT NULL,
    algorithms     text NOT NULL,
    methods        text NOT NULL,
    paths          text NOT NULL,
    networks       text NOT NULL,
    created        text NOT NULL,
    last_used      text,
    last_address   text
);
CREATE INDEX keys_of ON keys (account);

CREATE TABLE companions (
    id      text COLLATE "C" PRIMARY KEY,
    account text NOT NULL,
    dialect text NOT NULL,
    label   text NOT NULL,
    digest  text COLLATE "C" NOT NULL UNIQUE,
    bound   boolean NOT NULL,
    enabled boolean NOT NULL,
    created text NOT NULL
);

CREATE TABLE users (
    name    text COLLATE "C" PRIMARY KEY,
    enabled boolean NOT NULL,
    created text NOT NULL
);

CREATE TABLE members (
    organisation text COLLATE "C" NOT NULL,
    account      text COLLATE "C" NOT NULL,
    role         text NOT NULL,
    PRIMARY KEY (organisation, account)
);

CREATE TABLE join_codes (
    digest       text COLLATE "C" PRIMARY KEY,
    organisation text NOT NULL,
    role         text NOT NULL,
    expires      text NOT NULL,
    once         boolean NOT NULL,
    created      text NOT NULL
);

CREATE TABLE secrets (
    name    text COLLATE "C" PRIMARY KEY,
    value   bytea NOT NULL,
    sealed  boolean NOT NULL,
    created text NOT NULL,
    retired text
);

CREATE TABLE audit (
    number  bigint PRIMARY KEY,
    at      text NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    detail  text NOT NULL,
    chain   text NOT NULL
);
