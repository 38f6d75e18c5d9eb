-- See the grammar in server/audit/audit.h.
CREATE TABLE _audit(
  sequence INTEGER PRIMARY KEY,     -- 1, 2, 3, ... without gaps
  entry BLOB NOT NULL,
  chain BLOB NOT NULL
) STRICT;

-- One row: the last entry, remembered apart from the entries.
CREATE TABLE _audit_end(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  sequence INTEGER NOT NULL,
  chain BLOB NOT NULL
) STRICT;
INSERT INTO _audit_end(one, sequence, chain) VALUES(1, 0, zeroblob(32));
