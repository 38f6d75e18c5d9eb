-- When access ended, beside the sequence at which it did: what was made before, by both, is admitted
-- when it comes. 0: nobody noted it, and everything counts as made after.
ALTER TABLE _loss ADD COLUMN time_ms INTEGER NOT NULL DEFAULT 0;

-- Units that were made after their author's access to the file had ended: refused (_unit), their
-- content in the history, for those who hold the file now.
CREATE TABLE _quarantine(
  sequence INTEGER PRIMARY KEY,       -- _unit.sequence
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  site TEXT NOT NULL,                 -- of the device
  ended_sequence INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  closed_ms INTEGER NOT NULL DEFAULT 0,       -- when somebody had dealt with it
  closed_by TEXT NOT NULL DEFAULT '',
  closed_reason TEXT NOT NULL DEFAULT ''
) STRICT;
