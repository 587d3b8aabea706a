-- The functions have changed: `decide` takes keys and windows as separate parameters, and a trigger
-- copies the peaks of the last hour of a key.
SELECT;
