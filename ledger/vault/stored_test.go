package vault

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// stored is testdata/stored.json: what a ledger wrote to its database, with the keys that read it,
// so that a program in another language can check itself. Databases keep their bytes for as long as
// the ledger exists. So the file is only ever added to: a vector that no longer reads is a database
// that no longer opens.
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

func readStored(t testing.TB) *stored {
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
