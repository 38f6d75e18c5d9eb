-- Invitations: each lets one device in, once. The secret itself is nowhere on the server.
CREATE TABLE _invite(
  id BLOB PRIMARY KEY,              -- 8 bytes, part of the code
  secret_hash BLOB NOT NULL,        -- SHA-256
  site INTEGER NOT NULL,            -- _site.ref
  name TEXT NOT NULL,               -- of the device
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL DEFAULT 0,
  used_by BLOB                      -- the device
) STRICT, WITHOUT ROWID;

-- Devices that may call: the register. What it does not know, or says is revoked, is refused,
-- whatever certificate it shows.
CREATE TABLE _enrolment(
  device BLOB PRIMARY KEY,          -- as _device.id, which comes with the first hello
  site INTEGER NOT NULL,            -- _site.ref
  name TEXT NOT NULL,
  public_key BLOB NOT NULL,         -- subject public key info, DER
  enrolled_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,        -- its last certificate expires
  revoked_ms INTEGER NOT NULL DEFAULT 0,   -- 0: it is not
  revoked_reason TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX _enrolment_revoked ON _enrolment(revoked_ms) WHERE revoked_ms != 0;
