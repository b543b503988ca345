-- The templates here are those of ledger/storage/migrations/00001_tables.sql.

-- +goose Up

-- What pages keep for a while: sessions, drafts, sealed statements. None of it is part of the log,
-- and a rebuild does not touch it.
CREATE TABLE IF NOT EXISTS shelf (
  k       {{.Bytes}} NOT NULL, -- name of the shelf, a zero byte, key
  value   {{.Bytes}} NOT NULL, -- encrypted: see Shelf
  expires {{.Int}},            -- ms since 1970; NULL: kept until it is deleted
  CONSTRAINT shelf_pk PRIMARY KEY (k)
){{fill 70}};
CREATE INDEX IF NOT EXISTS shelf_expires ON shelf (expires);
{{if .Postgres}}
ALTER TABLE shelf ALTER COLUMN value SET STORAGE EXTERNAL; -- ciphertext
{{end}}
