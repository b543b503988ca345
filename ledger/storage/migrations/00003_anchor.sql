-- +goose Up

-- The checkpoint on which a tree's cosigners meet: it moves on only now and then, so that slow ones find it still standing. It is signed and has been shown,
-- so a rebuild leaves it alone.
CREATE TABLE IF NOT EXISTS anchor (
  tree {{.Int}}   NOT NULL,
  size {{.Int}}   NOT NULL,
  at   {{.Int}}   NOT NULL, -- ms since 1970, by the clock of the replica that moved it
  note {{.Bytes}} NOT NULL, -- the checkpoint with the log's own signature
  CONSTRAINT anchor_pk PRIMARY KEY (tree)
){{fill 50}};
