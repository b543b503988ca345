-- Every statement over a set of rows: PostgreSQL, SQLite (once for each row), CockroachDB.
-- Made from statements.go by: go test ./ledger/storage -run TestStatements -update

-- selectKeys
/* postgresql  */ SELECT k, idx FROM idem WHERE k = ANY($1);
/* sqlite      */ SELECT k, idx FROM idem WHERE k = $1;
/* cockroachdb */ SELECT k, idx FROM unnest($1::BYTEA[]) AS u (wanted) INNER LOOKUP JOIN idem ON k = u.wanted;

-- selectChains
/* postgresql  */ SELECT k, count, head, last FROM chain WHERE k = ANY($1);
/* sqlite      */ SELECT k, count, head, last FROM chain WHERE k = $1;
/* cockroachdb */ SELECT k, count, head, last FROM unnest($1::BYTEA[]) AS u (wanted) INNER LOOKUP JOIN chain ON k = u.wanted;

-- selectChainRows
/* postgresql  */ SELECT k, count, head, last, governed, recent FROM chain WHERE k = ANY($1);
/* sqlite      */ SELECT k, count, head, last, governed, recent FROM chain WHERE k = $1;
/* cockroachdb */ SELECT k, count, head, last, governed, recent FROM unnest($1::BYTEA[]) AS u (wanted) INNER LOOKUP JOIN chain ON k = u.wanted;

-- selectStreams
/* postgresql  */ SELECT k, state FROM source WHERE k = ANY($1);
/* sqlite      */ SELECT k, state FROM source WHERE k = $1;
/* cockroachdb */ SELECT k, state FROM unnest($1::BYTEA[]) AS u (wanted) INNER LOOKUP JOIN source ON k = u.wanted;

-- selectPersons
/* postgresql  */ SELECT k, state FROM person WHERE k = ANY($1);
/* sqlite      */ SELECT k, state FROM person WHERE k = $1;
/* cockroachdb */ SELECT k, state FROM unnest($1::BYTEA[]) AS u (wanted) INNER LOOKUP JOIN person ON k = u.wanted;

-- selectTiles
/* postgresql  */ SELECT place, hashes FROM tile WHERE place = ANY($1);
/* sqlite      */ SELECT place, hashes FROM tile WHERE place = $1;
/* cockroachdb */ SELECT place, hashes FROM unnest($1::INT8[]) AS u (wanted) INNER LOOKUP JOIN tile ON place = u.wanted;

-- selectIdentities
/* postgresql  */ SELECT place, identity FROM leaf WHERE place = ANY($1);
/* sqlite      */ SELECT place, identity FROM leaf WHERE place = $1;
/* cockroachdb */ SELECT place, identity FROM unnest($1::INT8[]) AS u (wanted) INNER LOOKUP JOIN leaf ON place = u.wanted;

-- selectRecords
/* postgresql  */ SELECT l.place, l.identity, l.value, l.extra FROM leaf l WHERE l.place = ANY($1);
/* sqlite      */ SELECT l.place, l.identity, l.value, l.extra FROM leaf l WHERE l.place = $1;
/* cockroachdb */ SELECT l.place, l.identity, l.value, l.extra FROM unnest($1::INT8[]) AS u (wanted) INNER LOOKUP JOIN leaf l ON l.place = u.wanted;

-- InsertLeaf
/* postgresql  */ INSERT INTO leaf (place, identity, value, extra) SELECT unnest($1::INT8[]), unnest($2::BYTEA[]), unnest($3::BYTEA[]), unnest($4::BYTEA[]);
/* sqlite      */ INSERT INTO leaf (place, identity, value, extra) VALUES ($1, $2, $3, $4);
/* cockroachdb */ INSERT INTO leaf (place, identity, value, extra) SELECT unnest($1::INT8[]), unnest($2::BYTEA[]), unnest($3::BYTEA[]), unnest($4::BYTEA[]);

-- InsertIdem
/* postgresql  */ INSERT INTO idem (k, idx) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]);
/* sqlite      */ INSERT INTO idem (k, idx) VALUES ($1, $2);
/* cockroachdb */ INSERT INTO idem (k, idx) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]);

-- insertHistory
/* postgresql  */ INSERT INTO history (k, first, n, places) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::INT8[]), unnest($4::BYTEA[]);
/* sqlite      */ INSERT INTO history (k, first, n, places) VALUES ($1, $2, $3, $4);
/* cockroachdb */ INSERT INTO history (k, first, n, places) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::INT8[]), unnest($4::BYTEA[]);

-- insertRegister
/* postgresql  */ INSERT INTO register (place) SELECT unnest($1::INT8[]);
/* sqlite      */ INSERT INTO register (place) VALUES ($1);
/* cockroachdb */ INSERT INTO register (place) SELECT unnest($1::INT8[]);

-- upsertChain
/* postgresql  */ INSERT INTO chain (k, count, head, last, governed, recent) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::BYTEA[]), unnest($4::INT8[]), unnest($5::INT8[]), unnest($6::BYTEA[]) ON CONFLICT (k) DO UPDATE SET count = excluded.count, head = excluded.head, last = excluded.last, governed = excluded.governed, recent = excluded.recent;
/* sqlite      */ INSERT INTO chain (k, count, head, last, governed, recent) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (k) DO UPDATE SET count = excluded.count, head = excluded.head, last = excluded.last, governed = excluded.governed, recent = excluded.recent;
/* cockroachdb */ UPSERT INTO chain (k, count, head, last, governed, recent) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::BYTEA[]), unnest($4::INT8[]), unnest($5::INT8[]), unnest($6::BYTEA[]);

-- upsertStream
/* postgresql  */ INSERT INTO source (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* sqlite      */ INSERT INTO source (k, state) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* cockroachdb */ UPSERT INTO source (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]);

-- upsertPerson
/* postgresql  */ INSERT INTO person (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* sqlite      */ INSERT INTO person (k, state) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* cockroachdb */ UPSERT INTO person (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]);

-- upsertTile
/* postgresql  */ INSERT INTO tile (place, hashes) SELECT unnest($1::INT8[]), unnest($2::BYTEA[]) ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes;
/* sqlite      */ INSERT INTO tile (place, hashes) VALUES ($1, $2) ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes;
/* cockroachdb */ UPSERT INTO tile (place, hashes) SELECT unnest($1::INT8[]), unnest($2::BYTEA[]);

-- rebuiltIdem
/* postgresql  */ INSERT INTO rebuilt_idem (k, idx) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]);
/* sqlite      */ INSERT INTO rebuilt_idem (k, idx) VALUES ($1, $2);
/* cockroachdb */ INSERT INTO rebuilt_idem (k, idx) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]);

-- rebuiltHistory
/* postgresql  */ INSERT INTO rebuilt_history (k, first, n, places) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::INT8[]), unnest($4::BYTEA[]);
/* sqlite      */ INSERT INTO rebuilt_history (k, first, n, places) VALUES ($1, $2, $3, $4);
/* cockroachdb */ INSERT INTO rebuilt_history (k, first, n, places) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::INT8[]), unnest($4::BYTEA[]);

-- rebuiltRegister
/* postgresql  */ INSERT INTO rebuilt_register (place) SELECT unnest($1::INT8[]);
/* sqlite      */ INSERT INTO rebuilt_register (place) VALUES ($1);
/* cockroachdb */ INSERT INTO rebuilt_register (place) SELECT unnest($1::INT8[]);

-- rebuiltChain
/* postgresql  */ INSERT INTO rebuilt_chain (k, count, head, last, governed, recent) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::BYTEA[]), unnest($4::INT8[]), unnest($5::INT8[]), unnest($6::BYTEA[]) ON CONFLICT (k) DO UPDATE SET count = excluded.count, head = excluded.head, last = excluded.last, governed = excluded.governed, recent = excluded.recent;
/* sqlite      */ INSERT INTO rebuilt_chain (k, count, head, last, governed, recent) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (k) DO UPDATE SET count = excluded.count, head = excluded.head, last = excluded.last, governed = excluded.governed, recent = excluded.recent;
/* cockroachdb */ UPSERT INTO rebuilt_chain (k, count, head, last, governed, recent) SELECT unnest($1::BYTEA[]), unnest($2::INT8[]), unnest($3::BYTEA[]), unnest($4::INT8[]), unnest($5::INT8[]), unnest($6::BYTEA[]);

-- rebuiltSource
/* postgresql  */ INSERT INTO rebuilt_source (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* sqlite      */ INSERT INTO rebuilt_source (k, state) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* cockroachdb */ UPSERT INTO rebuilt_source (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]);

-- rebuiltPerson
/* postgresql  */ INSERT INTO rebuilt_person (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* sqlite      */ INSERT INTO rebuilt_person (k, state) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET state = excluded.state;
/* cockroachdb */ UPSERT INTO rebuilt_person (k, state) SELECT unnest($1::BYTEA[]), unnest($2::BYTEA[]);

-- rebuiltTile
/* postgresql  */ INSERT INTO rebuilt_tile (place, hashes) SELECT unnest($1::INT8[]), unnest($2::BYTEA[]) ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes;
/* sqlite      */ INSERT INTO rebuilt_tile (place, hashes) VALUES ($1, $2) ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes;
/* cockroachdb */ UPSERT INTO rebuilt_tile (place, hashes) SELECT unnest($1::INT8[]), unnest($2::BYTEA[]);

-- registerLeaves
/* postgresql  */ SELECT l.place, l.identity, l.value, l.extra FROM leaf l JOIN register r ON r.place = l.place WHERE r.place >= $1 AND r.place < $2 ORDER BY r.place;
/* sqlite      */ SELECT l.place, l.identity, l.value, l.extra FROM leaf l JOIN register r ON r.place = l.place WHERE r.place >= $1 AND r.place < $2 ORDER BY r.place;
/* cockroachdb */ SELECT l.place, l.identity, l.value, l.extra FROM register AS r INNER LOOKUP JOIN leaf AS l ON l.place = r.place WHERE r.place >= $1 AND r.place < $2 ORDER BY r.place;
