-- The state is the session as JSON; the columns beside it are what sessions are searched by. `ends` is nanoseconds since 1970.
CREATE TABLE sessions (
    id      text COLLATE "C" PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    ends    numeric NOT NULL,
    over    boolean NOT NULL,
    state   text NOT NULL
);
CREATE INDEX sessions_of ON sessions (account);
CREATE INDEX sessions_end ON sessions (ends);
