-- The row that each flush writes anyway has the peaks of the last hour with a decision about the
-- key; `peaks` has those of earlier hours.
ALTER TABLE last_uses ADD COLUMN peak_hour INTEGER;  -- hours since 1970; null: it has none
ALTER TABLE last_uses ADD COLUMN hour_peaks TEXT;    -- JSON: by window_seconds, the peak
