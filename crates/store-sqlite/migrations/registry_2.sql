-- What a key is found by: the first halves of the digests of its fingerprints, 16 bytes each (the SPKI's, the JWK
-- thumbprint, OpenSSH's, the PEM text's). Working them out takes longer than reading them; NULL: worked out at start.
ALTER TABLE keys ADD COLUMN prints BLOB;
