package vault

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/wire"
)

// memory is a Store.
type memory map[[8]byte][]byte

func (m memory) PutDataKey(_ context.Context, id [8]byte, wrapped []byte) error {
	m[id] = wrapped
	return nil
}

func (m memory) DataKeys(context.Context) (map[[8]byte][]byte, error) { return m, nil }

// broken is a Store that fails.
type broken struct{}

var errAway = errors.New("the database is away")

func (broken) PutDataKey(context.Context, [8]byte, []byte) error    { return errAway }
func (broken) DataKeys(context.Context) (map[[8]byte][]byte, error) { return nil, errAway }

// vault returns a vault that has the golden data keys in its store, wrapped.
func (s *stored) vault(t testing.TB) *Vault {
	t.Helper()
	store := memory{}
	for _, k := range s.DataKeys {
		store[[8]byte(k.ID)] = k.Wrapped
	}
	return newVaultOf(t, s, store)
}

// key returns the golden data keys, to encrypt with.
func (s *stored) key(t testing.TB) *Key {
	t.Helper()
	k := &Key{id: [7]byte(s.DataKeys[0].ID)}
	for i, aead := range []*cipher.AEAD{&k.link, &k.content} {
		var err error
		*aead, err = newGCM(s.DataKeys[i].Key)
		if err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func newVault(t testing.TB, store Store) *Vault {
	t.Helper()
	v, err := New(store, "ledger.test/2026", map[uint32][]byte{1: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Bytes that a database holds are read as what they were.
func TestStoredFormReads(t *testing.T) {
	s := readStored(t)
	v := s.vault(t)
	for _, o := range s.Openings {
		l, c, err := v.Unseal(t.Context(), o.Index, o.LeafHash, o.Sealed)
		if err != nil || l != Link(o.Link) || !reflect.DeepEqual(c, Content(o.Content)) {
			t.Errorf("opening, %s: got %+v %+v, %v", o.Name, l, c, err)
		}
		if l, err := v.UnsealLink(t.Context(), o.Index, o.LeafHash, o.Sealed[:LinkEnd]); err != nil || l != Link(o.Link) {
			t.Errorf("link, %s: got %+v, %v", o.Name, l, err)
		}
	}
	for _, p := range s.Persons {
		if got, err := v.UnsealPerson(t.Context(), p.K, p.Sealed); err != nil || string(got) != p.State {
			t.Errorf("state of a person: got %q, %v", got, err)
		}
	}
	for _, d := range s.Verdicts {
		got, rest, err := unpackVerdict(d.Packed)
		if err != nil || len(rest) > 0 || !got.Equal(d.Verdict) {
			t.Errorf("verdict %s: got %+v, %d bytes left, %v", d.Verdict.Result, got, len(rest), err)
		}
	}
	for _, e := range s.Entries {
		if got, err := unpackSDJWT(e.Packed); err != nil || got != e.SDJWT {
			t.Errorf("entry: got %q, %v", got, err)
		}
	}
}

// What is written now is, with the same keys and nonces, what was written then.
func TestStoredFormWrites(t *testing.T) {
	s := readStored(t)
	v, k := s.vault(t), s.key(t)
	same := func(what string, got, want []byte) {
		t.Helper()
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %x, want %x", what, got, want)
		}
	}
	for _, d := range s.DataKeys {
		same("data key for "+d.For, v.wrap(nonce(d.Nonce), [8]byte(d.ID), d.Key), d.Wrapped)
	}
	for _, o := range s.Openings {
		got, err := v.seal(k, nonce(o.LinkNonce), nonce(o.ContentNonce), o.Index, o.LeafHash, Link(o.Link), Content(o.Content))
		if err != nil {
			t.Errorf("opening, %s: %v", o.Name, err)
		}
		same("opening, "+o.Name, got, o.Sealed)
		if o.Content.Verdict == nil && OpeningSize(o.Content.SDJWT) != len(o.Sealed) {
			t.Errorf("opening, %s: OpeningSize is %d, want %d", o.Name, OpeningSize(o.Content.SDJWT), len(o.Sealed))
		}
	}
	for _, p := range s.Persons {
		same("state of a person", v.sealPerson(k, nonce(p.Nonce), p.K, []byte(p.State)), p.Sealed)
	}
	for _, d := range s.Verdicts {
		got, err := packVerdict(nil, d.Verdict)
		if err != nil {
			t.Errorf("verdict %s: %v", d.Verdict.Result, err)
		}
		same("verdict "+string(d.Verdict.Result), got, d.Packed)
	}
	for _, e := range s.Entries {
		got, err := packSDJWT(nil, e.SDJWT)
		if err != nil {
			t.Error(err)
		}
		same("entry", got, e.Packed)
	}
}

// The file has a vector for each flag, each result and each structure.
func TestStoredFormIsCovered(t *testing.T) {
	s := readStored(t)
	has := map[any]bool{}
	for _, o := range s.Openings {
		for _, f := range o.Content.Flags {
			has[f] = true
		}
		has["an opening with a verdict"] = has["an opening with a verdict"] || o.Content.Verdict != nil
		has["an opening without a verdict"] = has["an opening without a verdict"] || o.Content.Verdict == nil
	}
	for _, d := range s.Verdicts {
		has[d.Verdict.Result] = true
	}
	for _, d := range s.DataKeys {
		has["a data key for "+d.For] = true
	}
	has["a state of a person"] = len(s.Persons) > 0
	has["an entry"] = len(s.Entries) > 0
	want := []any{
		"an opening with a verdict", "an opening without a verdict", "a data key for link", "a data key for content",
		"a state of a person", "an entry",
	}
	for _, f := range flags {
		want = append(want, f)
	}
	for _, r := range results[1:] {
		want = append(want, r)
	}
	for _, w := range want {
		if !has[w] {
			t.Errorf("stored.json has no vector of %q", w)
		}
	}
}

// A ciphertext that was altered, or moved to another place, is refused.
func TestTampering(t *testing.T) {
	s := readStored(t)
	v, o := s.vault(t), s.Openings[2]
	other := s.Openings[3]
	elsewhere, err := New(v.store, "elsewhere.test", map[uint32][]byte{s.Epoch.Number: s.Epoch.Key})
	if err != nil {
		t.Fatal(err)
	}
	otherHash := o.LeafHash
	otherHash[31] ^= 1
	body := o.Sealed[headSize:]
	linkLen := LinkEnd - headSize
	for name, c := range map[string]struct {
		v        *Vault
		index    uint64
		leafHash wire.Hash
		sealed   []byte
	}{
		"another index":                   {v, o.Index + 1, o.LeafHash, o.Sealed},
		"another leaf hash":               {v, o.Index, otherHash, o.Sealed},
		"another origin":                  {elsewhere, o.Index, o.LeafHash, o.Sealed},
		"another entry's opening":         {v, o.Index, o.LeafHash, other.Sealed},
		"another entry's link":            {v, o.Index, o.LeafHash, slices.Concat(other.Sealed[:LinkEnd], o.Sealed[LinkEnd:])},
		"another entry's content":         {v, o.Index, o.LeafHash, slices.Concat(o.Sealed[:LinkEnd], other.Sealed[LinkEnd:])},
		"link in the place of content":    {v, o.Index, o.LeafHash, slices.Concat(o.Sealed[:LinkEnd], body[:linkLen])},
		"content in the place of link":    {v, o.Index, o.LeafHash, slices.Concat(o.Sealed[:headSize], body[linkLen:])},
		"link and content exchanged":      {v, o.Index, o.LeafHash, slices.Concat(o.Sealed[:headSize], body[linkLen:], body[:linkLen])},
		"a state in the place of both":    {v, o.Index, o.LeafHash, s.Persons[0].Sealed},
		"a state in the place of content": {v, o.Index, o.LeafHash, slices.Concat(o.Sealed[:LinkEnd], s.Persons[0].Sealed[headSize:])},
		"nothing":                         {v, o.Index, o.LeafHash, nil},
		"a byte more":                     {v, o.Index, o.LeafHash, append(slices.Clip(o.Sealed), 0)},
	} {
		if _, _, err := c.v.Unseal(t.Context(), c.index, c.leafHash, c.sealed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v, want %v", name, err, ErrCorrupt)
		}
	}
	for i := range o.Sealed {
		bad := slices.Clone(o.Sealed)
		bad[i] ^= 1
		want := ErrCorrupt
		if i > 0 && i < headSize { // it names another key
			want = ErrKeys
		}
		if _, _, err := v.Unseal(t.Context(), o.Index, o.LeafHash, bad); !errors.Is(err, want) {
			t.Errorf("opening with byte %d altered: got %v, want %v", i, err, want)
		}
		if i == LinkEnd { // the form of an opening whose content was erased
			continue
		}
		if _, _, err := v.Unseal(t.Context(), o.Index, o.LeafHash, o.Sealed[:i]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes of an opening: got %v, want %v", i, err, ErrCorrupt)
		}
	}

	p := s.Persons[0]
	k := p.K
	k[0] ^= 1
	if _, err := v.UnsealPerson(t.Context(), k, p.Sealed); !errors.Is(err, ErrCorrupt) {
		t.Errorf("state of another person: got %v", err)
	}
	if _, err := elsewhere.UnsealPerson(t.Context(), p.K, p.Sealed); !errors.Is(err, ErrCorrupt) {
		t.Errorf("state of another log's person: got %v", err)
	}
	for i := range p.Sealed {
		bad := slices.Clone(p.Sealed)
		bad[i] ^= 1
		want := ErrCorrupt
		if i > 0 && i < headSize {
			want = ErrKeys
		}
		if _, err := v.UnsealPerson(t.Context(), p.K, bad); !errors.Is(err, want) {
			t.Errorf("state with byte %d altered: got %v, want %v", i, err, want)
		}
		if _, err := v.UnsealPerson(t.Context(), p.K, p.Sealed[:i]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes of a state: got %v, want %v", i, err, ErrCorrupt)
		}
	}

	d := s.DataKeys[0]
	for i := range d.Wrapped {
		bad := slices.Clone(d.Wrapped)
		bad[i] ^= 1
		if _, err := v.unwrap([8]byte(d.ID), bad); !errors.Is(err, ErrKeys) {
			t.Errorf("data key with byte %d altered: got %v, want %v", i, err, ErrKeys)
		}
		if _, err := v.unwrap([8]byte(d.ID), d.Wrapped[:i]); !errors.Is(err, ErrKeys) {
			t.Errorf("the first %d bytes of a data key: got %v, want %v", i, err, ErrKeys)
		}
	}
	if _, err := v.unwrap([8]byte(s.DataKeys[1].ID), d.Wrapped); !errors.Is(err, ErrKeys) {
		t.Errorf("a link key in the place of a content key: got %v, want %v", err, ErrKeys)
	}
}

// If the content was erased, the link is returned, with an error that says so.
func TestErased(t *testing.T) {
	s := readStored(t)
	v, o := s.vault(t), s.Openings[0]
	l, c, err := v.Unseal(t.Context(), o.Index, o.LeafHash, o.Sealed[:LinkEnd])
	if !errors.Is(err, ErrErased) || l != Link(o.Link) || !reflect.DeepEqual(c, Content{}) {
		t.Errorf("got %+v %+v, %v, want %v", l, c, err, ErrErased)
	}
	delete(v.store.(memory), [8]byte(s.DataKeys[1].ID))
	v = newVaultOf(t, s, v.store)
	if l, err := v.UnsealLink(t.Context(), o.Index, o.LeafHash, o.Sealed); err != nil || l != Link(o.Link) {
		t.Errorf("the link without the content's key: got %+v, %v", l, err)
	}
	if _, _, err := v.Unseal(t.Context(), o.Index, o.LeafHash, o.Sealed); !errors.Is(err, ErrKeys) {
		t.Errorf("the content without its key: got %v, want %v", err, ErrKeys)
	}
}

func newVaultOf(t testing.TB, s *stored, store Store) *Vault {
	t.Helper()
	v, err := New(store, s.Origin, map[uint32][]byte{s.Epoch.Number: s.Epoch.Key})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Openings and states of persons are counted together, and a Key without room is replaced.
func TestKeyLimit(t *testing.T) {
	s := readStored(t)
	store := memory{}
	v := newVault(t, store)
	prepare := func(n int) *Key {
		t.Helper()
		k, err := v.Prepare(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := prepare(2)
	if len(store) != 2 {
		t.Errorf("%d data keys are stored, want 2", len(store))
	}
	first.used.Store(maxPerKey - 2)
	if prepare(2) != first {
		t.Error("a Key with room for two was replaced before two messages")
	}
	if _, err := v.Seal(first, 1, wire.Hash{}, Link{}, Content(s.Openings[0].Content)); err != nil {
		t.Fatal(err)
	}
	if prepare(1) != first {
		t.Error("a Key with room for one was replaced before one message")
	}
	v.SealPerson(first, wire.Hash{}, nil)
	second := prepare(1)
	if second == first || second.id == first.id || len(store) != 4 {
		t.Fatal("a Key that is full was not replaced")
	}

	// Another process reads what both encrypted.
	sealed, err := v.Seal(first, 1, wire.Hash{}, Link{}, Content(s.Openings[0].Content))
	if err != nil {
		t.Fatal(err)
	}
	state := v.SealPerson(second, wire.Hash{1}, []byte("state"))
	other := newVault(t, store)
	if _, c, err := other.Unseal(t.Context(), 1, wire.Hash{}, sealed); err != nil || c.SDJWT != s.Openings[0].Content.SDJWT {
		t.Errorf("another process reads %+v, %v", c, err)
	}
	if got, err := other.UnsealPerson(t.Context(), wire.Hash{1}, state); err != nil || string(got) != "state" {
		t.Errorf("another process reads %q, %v", got, err)
	}
	if again := v.SealPerson(second, wire.Hash{1}, []byte("state")); bytes.Equal(again, state) {
		t.Error("a nonce was used twice")
	}
}

func TestStoreFails(t *testing.T) {
	v := newVault(t, broken{})
	if _, err := v.Prepare(t.Context(), 1); !errors.Is(err, errAway) {
		t.Errorf("preparing: got %v, want %v", err, errAway)
	}
	s := readStored(t)
	o, p := s.Openings[0], s.Persons[0]
	if _, _, err := v.Unseal(t.Context(), o.Index, o.LeafHash, o.Sealed); !errors.Is(err, errAway) {
		t.Errorf("reading an opening: got %v, want %v", err, errAway)
	}
	if _, err := v.UnsealPerson(t.Context(), p.K, p.Sealed); !errors.Is(err, errAway) {
		t.Errorf("reading a state: got %v, want %v", err, errAway)
	}
}

// New data keys are wrapped by the newest epoch key; the older ones read what they wrapped.
func TestEpochs(t *testing.T) {
	old, young := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	store := memory{}
	open := func(epochs map[uint32][]byte) *Vault {
		t.Helper()
		v, err := New(store, "ledger.test/2026", epochs)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	seal := func(v *Vault) []byte {
		t.Helper()
		k, err := v.Prepare(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return v.SealPerson(k, wire.Hash{}, []byte("state"))
	}
	before := seal(open(map[uint32][]byte{7: old}))
	both := map[uint32][]byte{7: old, 12: young}
	after := seal(open(both))
	for name, c := range map[string]struct {
		epochs map[uint32][]byte
		sealed []byte
		want   error
	}{
		"before, by both":  {both, before, nil},
		"after, by both":   {both, after, nil},
		"before, by old":   {map[uint32][]byte{7: old}, before, nil},
		"after, by old":    {map[uint32][]byte{7: old}, after, ErrKeys},
		"before, by young": {map[uint32][]byte{12: young}, before, ErrKeys},
		"after, by young":  {map[uint32][]byte{12: young}, after, nil},
		"before, by young under the number of old": {map[uint32][]byte{7: young}, before, ErrKeys},
	} {
		if _, err := open(c.epochs).UnsealPerson(t.Context(), wire.Hash{}, c.sealed); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	many := map[uint32][]byte{}
	for n := range uint32(64) {
		many[n] = old
	}
	if v := open(many); v.epoch != 63 {
		t.Errorf("new data keys are wrapped by epoch key %d of 0 to 63", v.epoch)
	}
	for name, epochs := range map[string]map[uint32][]byte{"none": nil, "a short one": {1: old[:16], 2: young}} {
		if _, err := New(store, "ledger.test/2026", epochs); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: got %v, want %v", name, err, ErrKeys)
		}
	}
}

// The vault does not import a database: the ledger passes it a Store.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "igledger/ledger/vault").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if slices.Contains([]string{"igledger/ledger", "igledger/ledger/storage", "database/sql", "net/http"}, dep) {
			t.Errorf("package vault depends on %s", dep)
		}
	}
}
