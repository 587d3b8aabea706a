-- The row that each decision writes has the peaks of the last hour, now also those of the windows
-- beside the minute. A decision in another hour moves them to `peaks`. Null: the key had no such
-- windows.
ALTER TABLE nexakey.last_uses
  ADD COLUMN peak_windows integer[],  -- their lengths in seconds, in ascending order
  ADD COLUMN window_peaks integer[];  -- in the same order
