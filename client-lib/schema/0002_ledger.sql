-- What the authors of this device are told: a change that had not seen theirs displaced it. Values
-- are not kept here; they are in the outbox, the record and the history.
CREATE TABLE _notice(
  notice INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL,
  record BLOB NOT NULL,
  kind INTEGER NOT NULL,
  field INTEGER NOT NULL,
  incarnation BLOB NOT NULL,      -- the displaced change
  counter INTEGER NOT NULL,
  author TEXT NOT NULL,           -- who is told
  by_incarnation BLOB NOT NULL,   -- the change that counts instead, or stands beside it
  by_counter INTEGER NOT NULL,
  by_author TEXT NOT NULL,
  by_time_ms INTEGER NOT NULL,
  word INTEGER NOT NULL,          -- Word: MERGED or CONFLICT
  staged INTEGER NOT NULL,        -- 1: came with a pull that has not reached its checkpoint
  read_ms INTEGER NOT NULL DEFAULT 0,   -- when somebody marked it as read
  UNIQUE(incarnation, counter, field, by_incarnation, by_counter)
) STRICT;
CREATE INDEX _notice_record ON _notice(record);
CREATE INDEX _notice_unread ON _notice(notice) WHERE read_ms = 0;

-- What somebody did about a unit that was refused or is held: 1 sent again as another, 2 withdrawn.
ALTER TABLE _outbox ADD COLUMN resolution INTEGER NOT NULL DEFAULT 0;
ALTER TABLE _outbox ADD COLUMN resolved_by INTEGER NOT NULL DEFAULT 0;      -- _outbox.unit
ALTER TABLE _outbox ADD COLUMN resolution_reason TEXT NOT NULL DEFAULT '';  -- of a withdrawal
