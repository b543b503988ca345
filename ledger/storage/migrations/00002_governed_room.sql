-- +goose Up

-- 0: the history has no row in person, and none is looked for. A row that was written before this
-- column, or by a program that does not know it, says 1: perhaps. SQLite, which alone has no IF NOT
-- EXISTS here, changes tables inside the migration's transaction.
ALTER TABLE chain ADD COLUMN {{if eq .Bytes "BYTEA"}}IF NOT EXISTS {{end}}governed {{.Int}} NOT NULL DEFAULT 1;
ALTER TABLE rebuilt_chain ADD COLUMN {{if eq .Bytes "BYTEA"}}IF NOT EXISTS {{end}}governed {{.Int}} NOT NULL DEFAULT 1;

-- Written for a moment, to see if there is room for more.
ALTER TABLE lease ADD COLUMN {{if eq .Bytes "BYTEA"}}IF NOT EXISTS {{end}}room {{.Bytes}};
