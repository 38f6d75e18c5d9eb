-- Units that are held: durable, in the ledger (_unit) with the word HELD and in the history, and
-- waiting for a record or a change that this server does not have. When that arrives the ledger's
-- line goes, and the final outcome takes its place under a sequence of its own.
CREATE TABLE _held(
  sequence INTEGER PRIMARY KEY,       -- _unit.sequence
  incarnation BLOB NOT NULL,
  counter INTEGER NOT NULL,           -- of the first change
  wall_ms INTEGER NOT NULL,           -- the device's clocks when it sent
  boot INTEGER NOT NULL,
  mono_ms INTEGER NOT NULL
) STRICT;

-- What each waits for: a record (counter 0), or a change.
CREATE TABLE _awaited(
  id BLOB NOT NULL,                   -- of the record, or the change's incarnation
  counter INTEGER NOT NULL,
  sequence INTEGER NOT NULL,          -- _held.sequence
  PRIMARY KEY(id, counter, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX _awaited_sequence ON _awaited(sequence);

-- Records whose creation was refused: nobody waits for them.
CREATE TABLE _refused_creation(
  record BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
