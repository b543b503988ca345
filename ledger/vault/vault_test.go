package vault

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// stored is testdata/stored.json: what igledger wrote to a database once, with the keys that read it, spelled so that a program in another language can check itself.
// A database keeps its bytes for as long as the ledger lives. So this file is only ever added to: a line of it that no longer reads is a database that no longer opens.
type stored struct {
	About  string `json:"about"`
	Origin string `json:"origin"`
	Epoch  struct {
		Number uint32 `json:"number"`
		Key    hx     `json:"key"`
	} `json:"epoch"`
	DataKeys []struct {
		ID      hx     `json:"id"`
		For     string `json:"for"` // link or content
		Key     hx     `json:"key"`
		Nonce   hx     `json:"nonce"`
		Wrapped hx     `json:"wrapped"`
	} `json:"dataKeys"`
	Openings []struct {
		Name         string     `json:"name"`
		Index        uint64     `json:"index"`
		LeafHash     wire.Hash  `json:"leafHash"`
		Link         goldenLink `json:"link"`
		Content      goldenText `json:"content"`
		LinkNonce    hx         `json:"linkNonce"`
		ContentNonce hx         `json:"contentNonce"`
		Sealed       hx         `json:"sealed"`
	} `json:"openings"`
	Persons []struct {
		K      wire.Hash `json:"k"`
		State  string    `json:"state"`
		Nonce  hx        `json:"nonce"`
		Sealed hx        `json:"sealed"`
	} `json:"persons"`
	Verdicts []struct {
		Verdict *entry.Verdict `json:"verdict"`
		Packed  hx             `json:"packed"`
	} `json:"verdicts"`
	Entries []struct {
		SDJWT  string `json:"sdjwt"`
		Packed hx     `json:"packed"`
	} `json:"entries"`
}

type goldenLink struct {
	TagSalt wire.Hash `json:"tagSalt"`
	Tag     wire.Hash `json:"tag"`
}

type goldenText struct {
	BodySalt wire.Hash      `json:"bodySalt"`
	Received time.Time      `json:"received"`
	Flags    []entry.Flag   `json:"flags,omitempty"`
	Verdict  *entry.Verdict `json:"verdict,omitempty"`
	SDJWT    string         `json:"sdjwt"`
}

// hx is bytes in hexadecimal.
type hx []byte

func (h hx) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hx) UnmarshalText(t []byte) (err error) {
	*h, err = hex.DecodeString(string(t))
	return err
}

func readStored(t *testing.T) *stored {
	t.Helper()
	data, err := os.ReadFile("testdata/stored.json")
	if err != nil {
		t.Fatal(err)
	}
	s := new(stored)
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// vault returns a vault whose store holds nothing: the data keys are at hand, unwrapped from the golden bytes.
func (s *stored) vault(t *testing.T) *Vault {
	t.Helper()
	v := New(nil, map[uint32][]byte{s.Epoch.Number: s.Epoch.Key}, s.Origin)
	for _, k := range s.DataKeys {
		id := [8]byte(k.ID)
		aead, err := v.unwrap(id, k.Wrapped)
		if err != nil {
			t.Fatal(err)
		}
		v.open[id] = aead
	}
	return v
}

// Bytes that a database holds are read as what they were.
func TestStoredFormReads(t *testing.T) {
	s := readStored(t)
	v := s.vault(t)
	for _, k := range s.DataKeys { // that a wrapped key is this key shows by what it decrypts
		sealed := sealWith(newGCM(k.Key), nil, []byte("text"), nil)
		if got, err := openWith(v.open[[8]byte(k.ID)], sealed, nil); err != nil || string(got) != "text" {
			t.Errorf("data key for %s: unwrapped as another: %v", k.For, err)
		}
	}
	for _, o := range s.Openings {
		l, c, err := v.Unseal(t.Context(), o.Index, o.LeafHash, o.Sealed, true)
		if err != nil || l != Link(o.Link) || !reflect.DeepEqual(c, Content(o.Content)) {
			t.Errorf("opening, %s: got %+v %+v, %v", o.Name, l, c, err)
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
		if got := packVerdict(nil, d.Verdict); !bytes.Equal(got, d.Packed) {
			t.Errorf("verdict %s is packed as %x, want %x", d.Verdict.Result, got, d.Packed)
		}
	}
	for _, e := range s.Entries {
		if got, err := unpackSDJWT(e.Packed); err != nil || got != e.SDJWT {
			t.Errorf("entry: got %q, %v", got, err)
		}
		if got := packSDJWT(nil, e.SDJWT); !bytes.Equal(got, e.Packed) {
			t.Errorf("entry is packed as %x, want %x", got, e.Packed)
		}
	}
}

// The file has what it takes to notice a change of any part of the form.
func TestStoredFormIsCovered(t *testing.T) {
	s := readStored(t)
	flags, results := map[entry.Flag]bool{}, map[entry.VerdictResult]bool{}
	for _, o := range s.Openings {
		for _, f := range o.Content.Flags {
			flags[f] = true
		}
	}
	for _, d := range s.Verdicts {
		results[d.Verdict.Result] = true
	}
	if len(flags) != len(flagBits) {
		t.Errorf("%d flags, want each of %d", len(flags), len(flagBits))
	}
	for _, r := range []entry.VerdictResult{entry.Covered, entry.BreakGlass, entry.NotCovered} {
		if !results[r] {
			t.Errorf("no packed verdict of result %s", r)
		}
	}
	if len(s.DataKeys) < 2 || len(s.Openings) < 3 || len(s.Persons) == 0 || len(s.Entries) < 2 {
		t.Error("a structure is missing")
	}
}
