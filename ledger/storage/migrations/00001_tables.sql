-- One schema for three engines; what differs is in braces (see migrate.go). In a column "place",
-- a leaf's tree and index are one number, tree * 2^40 + index: shorter keys and rows than two
-- columns. In a column "k", a key begins with its tree's number in 3 bytes, for the same reason
-- and one more: given both tree = 1 and k = ANY(256 keys), PostgreSQL assumes that few rows of a
-- small table have tree = 1, and reads them all.

-- +goose Up

-- The trees. num is small and never used again; id is Trillian's own, a random number of 63 bits.
CREATE TABLE IF NOT EXISTS tree (
  num         {{.Int}}  NOT NULL,
  id          {{.Int}}  NOT NULL,
  state       {{.Int}}  NOT NULL, -- trillian.TreeState
  kind        {{.Int}}  NOT NULL, -- trillian.TreeType
  name        TEXT      NOT NULL, -- DisplayName; igledger's is the log's origin
  description TEXT      NOT NULL,
  created     {{.Int}}  NOT NULL, -- times in ms since 1970
  updated     {{.Int}}  NOT NULL,
  max_root    {{.Int}}  NOT NULL, -- ms
  deleted     {{.Int}},           -- NULL: not (softly) deleted
  CONSTRAINT tree_pk PRIMARY KEY (num),
  CONSTRAINT tree_id UNIQUE (id)
){{fill 50}};

-- The one row that orders a tree's writers: every change of a tree locks its head first.
CREATE TABLE IF NOT EXISTS head (
  tree       {{.Int}}   NOT NULL,
  size       {{.Int}}   NOT NULL,
  root       {{.Bytes}} NOT NULL,
  signed     {{.Int}},            -- ns since 1970, strictly growing; NULL: Trillian's "needs initialising"
  checkpoint {{.Bytes}},          -- signed note for exactly this size; NULL: none
  register   {{.Int}}   NOT NULL, -- 1 + index of the last register leaf, or 0
  CONSTRAINT head_pk PRIMARY KEY (tree)
){{fill 10}};

-- The leaves. Those from the head's size on are not integrated: they wait for Trillian's sequencer,
-- see package provider.
CREATE TABLE IF NOT EXISTS leaf (
  place    {{.Int}}   NOT NULL,
  prev     {{.Int}},            -- index, not place, of the previous leaf of its chain; NULL: the first, or no chain
  identity {{.Bytes}} NOT NULL, -- of the content, to tell a repeat from another use of its key
  value    {{.Bytes}} NOT NULL, -- what the Merkle tree hashes, by RFC 6962
  extra    {{.Bytes}} NOT NULL, -- what is kept beside it: may change
  CONSTRAINT leaf_pk PRIMARY KEY (place)
);

-- Idempotency keys.
CREATE TABLE IF NOT EXISTS idem (
  idx {{.Int}}   NOT NULL, -- index of its leaf
  k   {{.Bytes}} NOT NULL,
  CONSTRAINT idem_pk PRIMARY KEY (k)
){{clustered}};

-- Histories: the state of each chain after its last leaf.
CREATE TABLE IF NOT EXISTS chain (
  count {{.Int}}   NOT NULL,
  last  {{.Int}}   NOT NULL, -- index of its last leaf
  k     {{.Bytes}} NOT NULL,
  head  {{.Bytes}} NOT NULL, -- hash over all its leaves: see docs/FORMATS.md
  CONSTRAINT chain_pk PRIMARY KEY (k)
){{clustered}}{{fill 80}};

-- What the ledger knows about each stream of a source: numbers received, gaps, repetitions,
-- heartbeats. state is JSON of package ledger, bounded in size, without personal data. Derived: a
-- rebuild writes it again.
CREATE TABLE IF NOT EXISTS source (
  k     {{.Bytes}} NOT NULL,
  state {{.Bytes}} NOT NULL,
  CONSTRAINT source_pk PRIMARY KEY (k)
){{clustered}}{{fill 50}};

-- What governs accesses to a person's record: their consents and delegations, as package consent
-- folds them, encrypted. k is that of their history. Derived: a rebuild writes it again.
CREATE TABLE IF NOT EXISTS person (
  k     {{.Bytes}} NOT NULL,
  state {{.Bytes}} NOT NULL,
  CONSTRAINT person_pk PRIMARY KEY (k)
){{clustered}}{{fill 80}};

-- The leaves that change what other leaves mean (organisations, keys): few, and read at every
-- start.
CREATE TABLE IF NOT EXISTS register (
  place {{.Int}} NOT NULL,
  CONSTRAINT register_pk PRIMARY KEY (place)
);

-- C2SP tlog-tiles: place = tree * 2^40 + level * 2^32 + tile index. Level 0 is stored only when
-- full; higher levels grow in place.
CREATE TABLE IF NOT EXISTS tile (
  place  {{.Int}}   NOT NULL,
  hashes {{.Bytes}} NOT NULL,
  CONSTRAINT tile_pk PRIMARY KEY (place)
);

-- What witnesses and auditors added to checkpoints: one line of one cosigner on one checkpoint. It
-- is evidence, not derived data: a rebuild does not touch it. place is that of the last leaf that
-- the checkpoint covers.
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

-- The checkpoint that a tree's cosigners are asked to cosign: that of the append of its newest index
-- root. It is signed and was published: a rebuild does not touch it.
CREATE TABLE IF NOT EXISTS anchor (
  tree {{.Int}}   NOT NULL,
  size {{.Int}}   NOT NULL,
  note {{.Bytes}} NOT NULL, -- the checkpoint with the log's own signature
  CONSTRAINT anchor_pk PRIMARY KEY (tree)
){{fill 50}};

-- What a rebuild has derived so far, until one transaction puts it in the place of the tables above.
-- run is that of the rebuild that may write here: a later one takes over from one that was killed.
CREATE TABLE IF NOT EXISTS rebuild (
  tree {{.Int}}   NOT NULL,
  run  {{.Bytes}} NOT NULL,
  CONSTRAINT rebuild_pk PRIMARY KEY (tree)
);
CREATE TABLE IF NOT EXISTS rebuilt_idem (
  idx {{.Int}}   NOT NULL,
  k   {{.Bytes}} NOT NULL,
  CONSTRAINT rebuilt_idem_pk PRIMARY KEY (k)
){{clustered}};
CREATE TABLE IF NOT EXISTS rebuilt_chain (
  count {{.Int}}   NOT NULL,
  last  {{.Int}}   NOT NULL,
  k     {{.Bytes}} NOT NULL,
  head  {{.Bytes}} NOT NULL,
  CONSTRAINT rebuilt_chain_pk PRIMARY KEY (k)
){{clustered}};
CREATE TABLE IF NOT EXISTS rebuilt_source (
  k     {{.Bytes}} NOT NULL,
  state {{.Bytes}} NOT NULL,
  CONSTRAINT rebuilt_source_pk PRIMARY KEY (k)
){{clustered}};
CREATE TABLE IF NOT EXISTS rebuilt_person (
  k     {{.Bytes}} NOT NULL,
  state {{.Bytes}} NOT NULL,
  CONSTRAINT rebuilt_person_pk PRIMARY KEY (k)
){{clustered}};
CREATE TABLE IF NOT EXISTS rebuilt_register (
  place {{.Int}} NOT NULL,
  CONSTRAINT rebuilt_register_pk PRIMARY KEY (place)
);
CREATE TABLE IF NOT EXISTS rebuilt_tile (
  place  {{.Int}}   NOT NULL,
  hashes {{.Bytes}} NOT NULL,
  CONSTRAINT rebuilt_tile_pk PRIMARY KEY (place)
);
CREATE TABLE IF NOT EXISTS rebuilt_prev (
  place {{.Int}} NOT NULL, -- of a leaf whose prev is wrong
  prev  {{.Int}},
  CONSTRAINT rebuilt_prev_pk PRIMARY KEY (place)
);

-- Who has a tree open to append to it. A rebuild waits until nobody has.
CREATE TABLE IF NOT EXISTS lease (
  tree    {{.Int}}   NOT NULL,
  holder  {{.Bytes}} NOT NULL,
  expires {{.Int}}   NOT NULL, -- ms since 1970, by the database's clock
  CONSTRAINT lease_pk PRIMARY KEY (tree, holder)
);

-- Data keys of openings, wrapped by a key that is not in this database.
CREATE TABLE IF NOT EXISTS data_key (
  id      {{.Bytes}} NOT NULL,
  wrapped {{.Bytes}} NOT NULL,
  CONSTRAINT data_key_pk PRIMARY KEY (id)
);

-- One row, 'tree': the last tree number given out. Its lock orders the creation of trees.
CREATE TABLE IF NOT EXISTS counter (
  name  TEXT    NOT NULL,
  value {{.Int}} NOT NULL,
  CONSTRAINT counter_pk PRIMARY KEY (name)
);
INSERT INTO counter (name, value) VALUES ('tree', 0) ON CONFLICT (name) DO NOTHING;
{{if .Postgres}}
-- Openings are ciphertext and tiles are hashes: trying to compress them only costs time.
ALTER TABLE leaf ALTER COLUMN extra SET STORAGE EXTERNAL;
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
{{end}}
