-- What an author is told when a change that had not seen theirs displaced it: pulled by the device
-- that wrote the displaced change, in the order of sequence. Holds no value.
CREATE TABLE _notice(
  device INTEGER NOT NULL,            -- _device.ref: who is told
  sequence INTEGER NOT NULL,          -- of the unit that displaced, or was displaced
  place INTEGER NOT NULL,             -- among the notices of that unit, from 0
  compartment INTEGER NOT NULL,       -- _compartment.ref: told only while the device may see it
  record BLOB NOT NULL,
  kind INTEGER NOT NULL,
  field INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,       -- _incarnation.ref: of the displaced change
  counter INTEGER NOT NULL,
  author INTEGER NOT NULL,            -- _author.ref: who is told
  by_incarnation INTEGER NOT NULL,    -- the change that counts instead, or stands beside it
  by_counter INTEGER NOT NULL,
  by_author INTEGER NOT NULL,
  by_time_ms INTEGER NOT NULL,
  word INTEGER NOT NULL,              -- MERGED: another counts instead; CONFLICT: somebody decides
  PRIMARY KEY(device, sequence, place)
) STRICT, WITHOUT ROWID;
