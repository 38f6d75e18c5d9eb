-- The order in which waiting units are offered. NULL: oldest first, after all others. 1: before
-- them, oldest first; it touches a safety-critical field, or one that does stands on it. 2: the
-- same, and offered in the sync that is under way. 3: safety-critical, and so much stands behind it
-- that it goes in its turn; a background sync hurries all the same. With an outcome: NULL.
ALTER TABLE _outbox ADD COLUMN urgent INTEGER;
CREATE INDEX _outbox_urgent ON _outbox(urgent, unit) WHERE urgent IS NOT NULL;
-- What an older release has committed goes in its turn; nobody has looked what it touches.
UPDATE _outbox SET urgent = 3 WHERE words IS NULL;
