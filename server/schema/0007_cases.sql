-- When conflict cases opened and closed: what coordinators count of those that are settled too. A
-- case is over one field of one record, and may open again. Sequences, of whatever did it: time and
-- device stand in _unit. opened 0: it was open before this was kept; closed 0: it is open.
CREATE TABLE _case(
  record BLOB NOT NULL,
  field INTEGER NOT NULL,
  opened INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  PRIMARY KEY(record, field, opened)
) STRICT, WITHOUT ROWID;

-- As sync/tables makes it: a new database must have it before what follows it.
CREATE TABLE IF NOT EXISTS _conflict(
  record BLOB NOT NULL,
  field INTEGER NOT NULL,
  case_id BLOB NOT NULL,
  PRIMARY KEY(record, field)
) STRICT, WITHOUT ROWID;
INSERT INTO _case(record, field, opened, closed) SELECT record, field, 0, 0 FROM _conflict;

-- A record that is saved has its lines in _conflict taken out and put in again: under one sequence
-- that is neither a settlement nor another case.
CREATE TRIGGER _case_opens AFTER INSERT ON _conflict BEGIN
  UPDATE _case SET closed = 0 WHERE record = NEW.record AND field = NEW.field
    AND closed = (SELECT head FROM _server);
  INSERT INTO _case(record, field, opened, closed)
    SELECT NEW.record, NEW.field, (SELECT head FROM _server), 0 WHERE NOT EXISTS(
      SELECT 1 FROM _case WHERE record = NEW.record AND field = NEW.field AND closed = 0);
END;
CREATE TRIGGER _case_closes AFTER DELETE ON _conflict BEGIN
  DELETE FROM _case WHERE record = OLD.record AND field = OLD.field AND closed = 0
    AND opened = (SELECT head FROM _server);
  UPDATE _case SET closed = (SELECT head FROM _server)
    WHERE record = OLD.record AND field = OLD.field AND closed = 0;
END;
