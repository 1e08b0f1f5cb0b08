-- Filling some shards of a database that has others.

-- Those that are being filled: empty where it is finished.
ALTER TABLE rebuild ADD COLUMN shards smallint[] NOT NULL DEFAULT '{}';
UPDATE rebuild SET shards = ARRAY(SELECT shard FROM cursors) WHERE finished_at IS NULL;
