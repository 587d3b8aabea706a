-- The peaks of the windows beside the minute are in the row that each decision writes anyway, too, as
-- long as the hour lasts; `peaks` has those of the hours before. Null: the key had none.
ALTER TABLE nexakey.last_uses
  ADD COLUMN peak_windows integer[],  -- their lengths in seconds, in ascending order
  ADD COLUMN window_peaks integer[];  -- in the same order
