-- The schemas under which this tenant's tables were and are, oldest first; the last is in use.
-- Whole, so that any program can open the database, and a backup brings its schema with it.
CREATE TABLE _schema(
  number INTEGER PRIMARY KEY,         -- from 1
  hash BLOB NOT NULL,                 -- of the descriptor set
  descriptor_set BLOB NOT NULL,       -- byte for byte
  sequence INTEGER NOT NULL,          -- that it was pushed under; 0: it came with a program
  since_ms INTEGER NOT NULL,
  by TEXT NOT NULL,                   -- who pushed it, or which program brought it
  served_ms INTEGER NOT NULL          -- when a server began to serve with it; 0: none has yet
) STRICT;
