-- What nobody reads by SQL of their own: tables whose names begin so are closed to it
-- (sync/sqlite/restriction.h). The device's private key, and what goes with it.
CREATE TABLE _secret(
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
