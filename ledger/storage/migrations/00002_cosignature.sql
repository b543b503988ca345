-- +goose Up

-- What witnesses and auditors added to checkpoints: one line of one cosigner on one checkpoint. It is evidence, not
-- derived data: a rebuild leaves it alone. place is that of the last leaf the checkpoint covers.
CREATE TABLE IF NOT EXISTS cosignature (
  place    {{.Int}}   NOT NULL,
  signed   {{.Int}}   NOT NULL, -- s since 1970, by the cosigner's clock
  cosigner TEXT       NOT NULL, -- C2SP verifier key
  note     {{.Bytes}} NOT NULL, -- the checkpoint with the log's own signature: the head keeps only the newest
  line     {{.Bytes}} NOT NULL, -- C2SP signed-note signature line, line feed included
  CONSTRAINT cosignature_pk PRIMARY KEY (place, cosigner)
);

-- The largest checkpoint of a tree that its operator's quorum has cosigned.
CREATE TABLE IF NOT EXISTS witnessed (
  tree {{.Int}} NOT NULL,
  size {{.Int}} NOT NULL,
  CONSTRAINT witnessed_pk PRIMARY KEY (tree)
){{fill 50}};
