-- What a key is found by, as the embedded store keeps it: the first halves of the digests of its fingerprints, 16 bytes each.
ALTER TABLE keys ADD COLUMN prints bytea;
