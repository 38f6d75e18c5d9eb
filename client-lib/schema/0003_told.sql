-- What people of this device have read of what closes (news.h): whether they were told that it does,
-- or that it was taken back. No line: nobody was told anything.
CREATE TABLE _told(
  record BLOB PRIMARY KEY,
  closed INTEGER NOT NULL,        -- 1: told; 0: told that it was taken back
  read_ms INTEGER NOT NULL        -- when somebody marked it as read
) STRICT, WITHOUT ROWID;
