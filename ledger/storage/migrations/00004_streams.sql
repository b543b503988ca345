-- +goose Up

-- What the ledger knows of each stream of a source: numbers that came and gaps, repetitions, heartbeats. state is JSON
-- of package ledger, bounded in size, and nothing in it is about a person. Derived: a rebuild makes it anew.
CREATE TABLE IF NOT EXISTS source (
  k     {{.Bytes}} NOT NULL,
  state {{.Bytes}} NOT NULL,
  CONSTRAINT source_pk PRIMARY KEY (k)
){{clustered}}{{fill 50}};

-- The table before it held the last number only. The gaps below are unknown until a rebuild: they count as none. It stays, empty, so that
-- every statement here can be run again.
INSERT INTO source (k, state)
SELECT k, CAST('{"seen":[{"first":1,"last":' || CAST(last AS TEXT) || '}]}' AS {{.Bytes}}) FROM stream WHERE true
ON CONFLICT (k) DO NOTHING;
DELETE FROM stream;
