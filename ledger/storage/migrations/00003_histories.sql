-- +goose Up

-- Where the leaves of each history are: a row holds the places of 64 in turn, as history.go encodes
-- them, so that a history is read in a row for 64 leaves. Derived: a rebuild writes it again.
-- Before, each leaf named the one before it (leaf.prev), and reading a history took a look-up for
-- each leaf. Migration 4 fills these tables from those links. The column stays, unused: dropping it
-- would write every leaf anew.
CREATE TABLE IF NOT EXISTS history (
  k      {{.Bytes}} NOT NULL,
  first  {{.Int}}   NOT NULL, -- index of the first of them
  n      {{.Int}}   NOT NULL, -- 0, 1, …: which 64 of the history
  places {{.Bytes}} NOT NULL,
  CONSTRAINT history_pk PRIMARY KEY (k, first)
){{clustered}};
CREATE TABLE IF NOT EXISTS rebuilt_history (
  k      {{.Bytes}} NOT NULL,
  first  {{.Int}}   NOT NULL,
  n      {{.Int}}   NOT NULL,
  places {{.Bytes}} NOT NULL,
  CONSTRAINT rebuilt_history_pk PRIMARY KEY (k, first)
){{clustered}};
DROP TABLE IF EXISTS rebuilt_prev;

-- The places after the last full row of history: count % 64 of them.
ALTER TABLE chain ADD COLUMN {{if eq .Bytes "BYTEA"}}IF NOT EXISTS recent BYTEA NOT NULL DEFAULT ''{{else}}recent BLOB NOT NULL DEFAULT x''{{end}};
ALTER TABLE rebuilt_chain ADD COLUMN {{if eq .Bytes "BYTEA"}}IF NOT EXISTS recent BYTEA NOT NULL DEFAULT ''{{else}}recent BLOB NOT NULL DEFAULT x''{{end}};
