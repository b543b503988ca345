-- +goose Up

-- What a log's key has last signed: one row for each log key. It is not in the log's own database,
-- and is not restored with it.
CREATE TABLE IF NOT EXISTS signing_record (
  name  TEXT      NOT NULL, -- C2SP verifier key of the log
  state {{.Bytes}} NOT NULL,
  CONSTRAINT signing_record_pk PRIMARY KEY (name)
);
