-- Records that were taken off all replicas because they should not be there, and given back. While
-- one is withdrawn it stands at a tier of its file that nobody holds (kWithdrawnTier).
CREATE TABLE _withdrawal(
  sequence INTEGER PRIMARY KEY,
  record BLOB NOT NULL,
  compartment INTEGER NOT NULL,       -- _compartment.ref: where it stood, and stands again
  time_ms INTEGER NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  restored_sequence INTEGER NOT NULL DEFAULT 0,   -- 0: it is withdrawn
  restored_ms INTEGER NOT NULL DEFAULT 0,
  restored_by TEXT NOT NULL DEFAULT '',
  restored_reason TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX _withdrawal_record ON _withdrawal(record);

-- What each device has been sent: everything up to `sequence` that its site could see in the state
-- in which the highest sequence was `head`, at this time.
CREATE TABLE _sent(
  device INTEGER NOT NULL,            -- _device.ref
  sequence INTEGER NOT NULL,
  head INTEGER NOT NULL,
  begun INTEGER NOT NULL,             -- 1: that has begun (a first pull); 0: all of it was sent
  time_ms INTEGER NOT NULL,
  PRIMARY KEY(device, sequence, head, begun)
) STRICT, WITHOUT ROWID;

-- When which site has held a compartment: all of it, where _membership has the present and _loss
-- the latest end. until_sequence 0: it holds it.
CREATE TABLE _access(
  site INTEGER NOT NULL,
  compartment INTEGER NOT NULL,
  since_sequence INTEGER NOT NULL,
  until_sequence INTEGER NOT NULL,
  PRIMARY KEY(compartment, site, since_sequence)
) STRICT, WITHOUT ROWID;
-- Of what ended before this was kept nobody noted the begin.
INSERT INTO _access(site, compartment, since_sequence, until_sequence)
  SELECT site, compartment, 0, sequence FROM _loss
  UNION ALL SELECT site, compartment, since_sequence, 0 FROM _membership;
CREATE TRIGGER _access_begins AFTER INSERT ON _membership BEGIN
  INSERT INTO _access(site, compartment, since_sequence, until_sequence)
    VALUES(NEW.site, NEW.compartment, NEW.since_sequence, 0);
END;
CREATE TRIGGER _access_ends AFTER DELETE ON _membership BEGIN
  UPDATE _access SET until_sequence = (SELECT head FROM _server)
    WHERE compartment = OLD.compartment AND site = OLD.site AND until_sequence = 0;
END;
