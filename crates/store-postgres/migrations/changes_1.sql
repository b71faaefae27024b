-- Which rows each of the latest versions wrote, so that nodes read those and not everything. `kind` numbers the kinds of rows;
-- 0 stands for a unit too large to follow. `gone` is the row as JSON where it was removed.
CREATE TABLE changes (
    version bigint NOT NULL,
    place   bigint NOT NULL,
    kind    smallint NOT NULL,
    key     text COLLATE "C" NOT NULL,
    second  text COLLATE "C" NOT NULL,
    gone    text,
    PRIMARY KEY (version, place)
);

INSERT INTO meta (name, value) SELECT 'changes', value FROM meta WHERE name = 'version';
