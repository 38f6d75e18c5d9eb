-- Attachments that were put here, of records that have been taken from this device since: their
-- bytes stay, for nobody to read, until the server has them.
CREATE TABLE _owed(
  file BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  unit INTEGER NOT NULL,          -- _outbox.unit: whose record names it
  PRIMARY KEY(file, sha256, unit)
) STRICT, WITHOUT ROWID;
