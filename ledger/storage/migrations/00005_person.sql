-- +goose Up

-- What governs accesses to a person's record: her consents and delegations, as package consent folds them, encrypted. k is that of her
-- history. Derived: a rebuild makes it anew.
CREATE TABLE IF NOT EXISTS person (
  k     {{.Bytes}} NOT NULL,
  state {{.Bytes}} NOT NULL,
  CONSTRAINT person_pk PRIMARY KEY (k)
){{clustered}}{{fill 80}};
