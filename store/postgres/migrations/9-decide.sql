-- A trigger, which comes with the functions, moves the peaks of the last hour of a key, and decisions
-- get their keys and windows apart.
SELECT;
