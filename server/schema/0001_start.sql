-- What the server keeps beside the records themselves (those tables come from sync/tables: _record,
-- _compartment, _incarnation, _author, _conflict and one for each kind). Names begin with an
-- underscore because a kind's table or view never does.

-- One row.
CREATE TABLE _server(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  head INTEGER NOT NULL,              -- the highest sequence given
  schema_hash BLOB NOT NULL,          -- that the record tables were last made for
  history_sequence INTEGER NOT NULL,  -- of the last entry of the history
  history_chain BLOB NOT NULL
) STRICT;

-- The lives of this database. The first names it for ever; each later one began when it was restored
-- from a backup.
CREATE TABLE _epoch(
  ref INTEGER PRIMARY KEY,            -- in order
  epoch INTEGER NOT NULL UNIQUE,
  from_sequence INTEGER NOT NULL      -- the head when it began
) STRICT;

-- After a restore: changes that somebody replaced before their authors have handed them over again.
CREATE TABLE _replaced_early(
  incarnation BLOB NOT NULL,
  counter INTEGER NOT NULL,
  field INTEGER NOT NULL,
  PRIMARY KEY(incarnation, counter, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE _site(
  ref INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  type TEXT NOT NULL
) STRICT;

CREATE TABLE _person(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE _device(
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  site INTEGER NOT NULL,              -- _site.ref
  incarnation BLOB NOT NULL,          -- the latest
  client TEXT NOT NULL,
  first_contact_ms INTEGER NOT NULL,
  last_contact_ms INTEGER NOT NULL,
  pending INTEGER NOT NULL            -- as declared at the last Hello
) STRICT;

-- Which device an incarnation belongs to.
CREATE TABLE _device_incarnation(
  incarnation BLOB PRIMARY KEY,
  device INTEGER NOT NULL             -- _device.ref
) STRICT, WITHOUT ROWID;

-- Who holds what: compartments by site, with the sequence of the grant.
CREATE TABLE _membership(
  site INTEGER NOT NULL,
  compartment INTEGER NOT NULL,
  since_sequence INTEGER NOT NULL,
  PRIMARY KEY(site, compartment)
) STRICT, WITHOUT ROWID;
CREATE INDEX _membership_compartment ON _membership(compartment);

-- The latest loss of each compartment by a site, kept also when it was given again.
CREATE TABLE _loss(
  site INTEGER NOT NULL,
  compartment INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY(site, compartment)
) STRICT, WITHOUT ROWID;
CREATE INDEX _loss_sequence ON _loss(site, sequence);

-- One entry for each record, at the highest sequence of its fields: what a pull walks along.
CREATE TABLE _feed(
  compartment INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  record INTEGER NOT NULL,            -- row in the kind's table * 65536 + kind
  PRIMARY KEY(compartment, sequence, record)
) STRICT, WITHOUT ROWID;

-- The ledger: what became of each unit.
CREATE TABLE _unit(
  sequence INTEGER PRIMARY KEY,
  device INTEGER NOT NULL,            -- _device.ref
  incarnation INTEGER NOT NULL,       -- _incarnation.ref
  counter INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  author INTEGER NOT NULL,            -- _author.ref
  schema_hash BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  checkpoint INTEGER NOT NULL,
  hash BLOB NOT NULL,
  words BLOB NOT NULL,                -- a byte for each change, or one for all
  reason TEXT,
  what_to_do TEXT,
  time_ms INTEGER NOT NULL,           -- admitted time of the first change
  times BLOB,                         -- of all, as signed varint differences from it; NULL = the same
  uncertainty_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  UNIQUE(incarnation, counter)
) STRICT;
CREATE INDEX _unit_device ON _unit(device, sequence);

-- See the grammar in server/history.h.
CREATE TABLE _history(
  sequence INTEGER PRIMARY KEY,
  header BLOB NOT NULL,
  key_file BLOB NOT NULL,             -- whose key; sixteen zeros: the tenant's own
  nonce BLOB NOT NULL,
  body BLOB,                          -- NULL: erased
  body_hash BLOB NOT NULL,
  chain BLOB NOT NULL
) STRICT;

CREATE TABLE _history_record(
  record BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  change INTEGER NOT NULL,            -- place in the unit
  PRIMARY KEY(record, sequence, change)
) STRICT, WITHOUT ROWID;

-- A file is known from the moment that it has a row here.
CREATE TABLE _file_key(
  file BLOB PRIMARY KEY,
  key BLOB                            -- NULL: destroyed
) STRICT, WITHOUT ROWID;
