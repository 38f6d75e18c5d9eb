-- What a replica keeps beside the record tables (sync/tables): who it is, what its people have
-- changed, what the server said of the records that have such changes, and what a pull has brought
-- so far.

-- One row per fact: identity, counters, cursor, position of a pull that was cut. Keys in store.h.
CREATE TABLE _state(
  key TEXT PRIMARY KEY,
  value ANY
) STRICT, WITHOUT ROWID;

-- All own units, in order of commit. The payload is what was written at commit, byte for byte.
CREATE TABLE _outbox(
  unit INTEGER PRIMARY KEY,
  incarnation INTEGER NOT NULL,   -- _incarnation.ref
  counter INTEGER NOT NULL,       -- of the first change
  changes INTEGER NOT NULL,
  compartment INTEGER NOT NULL,   -- _compartment.ref
  author INTEGER NOT NULL,        -- _author.ref
  schema_hash BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  checkpoint INTEGER NOT NULL,    -- that the author had seen
  payload BLOB NOT NULL,
  hash BLOB NOT NULL,
  receipt_epoch INTEGER NOT NULL DEFAULT 0,     -- 0 = no receipt
  receipt_sequence INTEGER NOT NULL DEFAULT 0,
  words BLOB,                     -- a byte per change; NULL = no outcome yet
  parked INTEGER NOT NULL DEFAULT 0,            -- refused or held: needs somebody
  reason TEXT NOT NULL DEFAULT '',
  what_to_do TEXT NOT NULL DEFAULT '',
  sequence INTEGER NOT NULL DEFAULT 0,
  time_ms INTEGER NOT NULL DEFAULT 0            -- admitted time of the first change
) STRICT;
CREATE UNIQUE INDEX _outbox_id ON _outbox(incarnation, counter);
CREATE INDEX _outbox_waiting ON _outbox(unit) WHERE words IS NULL;
CREATE INDEX _outbox_parked ON _outbox(unit) WHERE parked = 1;

-- Which units without outcome touch a record.
CREATE TABLE _pending(
  record BLOB NOT NULL,
  unit INTEGER NOT NULL,
  PRIMARY KEY(record, unit)
) STRICT, WITHOUT ROWID;
CREATE INDEX _pending_unit ON _pending(unit);

-- The server's row of a record that has pending changes. Pending and no row here: the server has
-- none.
CREATE TABLE _shadow(
  record BLOB PRIMARY KEY,
  state BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Own changes that were given a new id because the replica had been copied.
CREATE TABLE _reissued(
  incarnation BLOB NOT NULL,
  counter INTEGER NOT NULL,
  now_incarnation BLOB NOT NULL,
  now_counter INTEGER NOT NULL,
  PRIMARY KEY(incarnation, counter)
) STRICT, WITHOUT ROWID;

-- What an unfinished pull has brought: applied in one transaction when it reaches a checkpoint.
CREATE TABLE _staged(
  record BLOB PRIMARY KEY,
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  state BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE _staged_outcome(
  incarnation BLOB NOT NULL,
  counter INTEGER NOT NULL,
  outcome BLOB NOT NULL,
  PRIMARY KEY(incarnation, counter)
) STRICT, WITHOUT ROWID;
CREATE TABLE _staged_loss(
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  PRIMARY KEY(file, tier)
) STRICT, WITHOUT ROWID;

-- What others wrote and a restored server has lost, as this replica still held it: for somebody to
-- look at, until its author's device has handed it over again.
CREATE TABLE _rescued(
  record BLOB NOT NULL,
  kind INTEGER NOT NULL,
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  field INTEGER NOT NULL,
  incarnation BLOB NOT NULL,
  counter INTEGER NOT NULL,
  value BLOB NOT NULL,
  author TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY(record, field, incarnation, counter, value)
) STRICT, WITHOUT ROWID;

-- During a repair: records that the server has sent again.
CREATE TABLE _confirmed(
  record BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
