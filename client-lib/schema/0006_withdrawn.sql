-- Records that were withdrawn from all replicas and not given back. Nothing of them is here but the id:
-- so that what was written here of one leaves the outbox too once it has an outcome.
CREATE TABLE _withdrawn(
  record BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE _staged_withdrawn(
  record BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
