-- Which counters of its incarnation the device had without outcome at its last Hello, from and up
-- to (not included): what of them is in the ledger has arrived since. Both 0: it did not say.
ALTER TABLE _device ADD COLUMN waiting_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE _device ADD COLUMN waiting_until INTEGER NOT NULL DEFAULT 0;
