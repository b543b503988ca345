-- The templates here are those of ledger/storage/migrations/00001_tables.sql.

-- +goose Up

-- What only Trillian needs to know about a leaf that AddSequencedLeaves stored. Everything else is in
-- table leaf.
CREATE TABLE IF NOT EXISTS sequenced (
  place  {{.Int}} NOT NULL, -- as in leaf
  queued {{.Int}} NOT NULL, -- ns since 1970
  hash   {{.Bytes}},        -- Merkle leaf hash; NULL: the RFC 6962 one of the value
  CONSTRAINT sequenced_pk PRIMARY KEY (place)
);
