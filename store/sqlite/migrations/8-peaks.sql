-- The peaks of the last hour in which a key was admitted are in the row that each flush writes
-- anyway; `peaks` has those of the hours before.
ALTER TABLE last_uses ADD COLUMN peak_hour INTEGER;  -- hours since 1970; null: it has none
ALTER TABLE last_uses ADD COLUMN hour_peaks TEXT;    -- JSON: by window_seconds, the peak
