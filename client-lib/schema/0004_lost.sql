-- Compartments that were taken away and not given again. What was written here in them leaves the
-- outbox, down to its outcome, once the server has said what became of it.
CREATE TABLE _lost(
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  PRIMARY KEY(file, tier)
) STRICT, WITHOUT ROWID;
CREATE TABLE _staged_grant(
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  PRIMARY KEY(file, tier)
) STRICT, WITHOUT ROWID;
