-- The state is the session as JSON: it is read whole and never searched here.
CREATE TABLE sessions (
    id    TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT;
