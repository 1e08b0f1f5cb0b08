-- Of which log a shard's rows were made.

-- NULL where that was not noted yet: before this column was there, or before anything was written. The next flusher that goes on from the
-- cursor notes it.
ALTER TABLE cursors ADD COLUMN log uuid;
