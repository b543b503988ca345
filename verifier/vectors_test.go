package verifier_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// hexBytes is how vectors spell raw bytes.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(t []byte) (err error) {
	*h, err = hex.DecodeString(string(t))
	return err
}

// vectorIn is what a vector of a proof, opening or receipt is made of; each has some of it.
type vectorIn struct {
	Proof, Receipt, Opening string
	Leaf                    hexBytes
	Entry                   string
	VerifierKey             string
	JWK                     wire.JWK
	Origin                  string
	VRFKey                  hexBytes
	ID                      string
}

// vectorOut is what is asked here of a good one; an opening has an identity, the others index, size
// and root.
type vectorOut struct {
	Index, Size    uint64
	Root, Identity hexBytes
}

// TestVectors reads the vectors of everything that is checked here and nowhere else:
// docs/FORMATS.md and its vectors are the contract for verifiers, of which this is one.
func TestVectors(t *testing.T) {
	for name, read := range map[string]func(vectorIn) (vectorOut, error){"proof": readProof, "opening": readOpening, "receipt": readReceipt} {
		data, err := os.ReadFile(filepath.Join("..", "ledger", "entry", "testdata", "vectors", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Vectors []struct {
				Name  string
				In    vectorIn
				Out   vectorOut
				Error wire.Code
			}
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		if len(file.Vectors) < 10 {
			t.Errorf("%s: %d vectors", name, len(file.Vectors))
		}
		for _, v := range file.Vectors {
			got, err := read(v.In)
			if v.Error != "" {
				if !errors.Is(err, v.Error) {
					t.Errorf("%s: %s: %v, want %s", name, v.Name, err, v.Error)
				}
				continue
			}
			if err != nil || got.Index != v.Out.Index || got.Size != v.Out.Size || string(got.Root) != string(v.Out.Root) || string(got.Identity) != string(v.Out.Identity) {
				t.Errorf("%s: %s: %+v, %v", name, v.Name, got, err)
			}
		}
	}
}

func readProof(in vectorIn) (vectorOut, error) {
	p, err := proof.ParseInclusion([]byte(in.Proof))
	if err != nil {
		return vectorOut{}, err
	}
	log, err := verifier.LogKey(in.VerifierKey)
	if err != nil {
		return vectorOut{}, err
	}
	c, err := verifier.VerifyProof(p, in.Leaf, log)
	return vectorOut{Index: p.Index, Size: c.Size, Root: c.Root[:]}, err
}

func readOpening(in vectorIn) (vectorOut, error) {
	o, err := verifier.ParseOpening([]byte(in.Opening))
	if err != nil {
		return vectorOut{}, err
	}
	e, err := verifier.OpenLeaf(o, in.Leaf)
	if err == nil {
		err = wire.VerifyTag(wire.Hash(in.VRFKey), in.Origin, in.ID, o.Tag, o.VRFProof)
	}
	if err == nil {
		err = e.JWS.Verify(in.JWK)
	}
	if err != nil {
		return vectorOut{}, err
	}
	id := e.Identity()
	return vectorOut{Identity: id[:]}, nil
}

func readReceipt(in vectorIn) (vectorOut, error) {
	r, err := verifier.ParseReceipt([]byte(in.Receipt))
	if err != nil {
		return vectorOut{}, err
	}
	e, err := verifier.ParseEntry(in.Entry)
	if err != nil {
		return vectorOut{}, err
	}
	log, err := verifier.LogKey(in.VerifierKey)
	if err != nil {
		return vectorOut{}, err
	}
	got, err := verifier.VerifyReceipt(r, e, log, wire.Hash(in.VRFKey))
	return vectorOut{Index: got.Index, Size: got.Checkpoint.Size, Root: got.Checkpoint.Root[:]}, err
}
