package index_test

import (
	"encoding/hex"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

var update = flag.Bool("update", false, "write testdata/index.json anew, from the oracle")

// vectorFile is testdata/index.json, in the form of ledger/entry/testdata/vectors: in is the input
// of another implementation, out the result that it must return.
type vectorFile struct {
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name string     `json:"name"`
	In   given      `json:"in"`
	Out  conclusion `json:"out"`
}

type given struct {
	Histories []vectorHistory `json:"histories"`
	Ask       []hx            `json:"ask"`
}

type vectorHistory struct {
	K     hx     `json:"k"`
	Count uint64 `json:"count"`
	Head  hx     `json:"head"`
}

type conclusion struct {
	Root    hx       `json:"root"`
	Answers []answer `json:"answers"` // one for each of ask
}

type answer struct {
	There bool             `json:"there"`
	V     hx               `json:"v,omitempty"`
	Proof proof.IndexProof `json:"proof"`
}

// hx is a hash in hexadecimal.
type hx []byte

func (h hx) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hx) UnmarshalText(t []byte) (err error) {
	*h, err = hex.DecodeString(string(t))
	return err
}

func TestVectors(t *testing.T) {
	const path = "testdata/index.json"
	if *update {
		write(t, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < len(questions()) {
		t.Fatalf("%d vectors, want %d", len(file.Vectors), len(questions()))
	}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			tree := index.New()
			for _, h := range v.In.Histories {
				tree.Apply([]index.Update{{K: wire.Hash(h.K), State: proof.State{Count: h.Count,
					Head: wire.Hash(h.Head)}}})
			}
			root := tree.Root()
			if root != wire.Hash(v.Out.Root) {
				t.Fatalf("root %x, want %x", root, v.Out.Root)
			}
			if len(v.Out.Answers) != len(v.In.Ask) {
				t.Fatalf("%d answers to %d questions", len(v.Out.Answers), len(v.In.Ask))
			}
			for i, a := range v.Out.Answers {
				k := wire.Hash(v.In.Ask[i])
				p, s, there := tree.Prove(k)
				if there != a.There || !equal(p, a.Proof) {
					t.Errorf("%x: %v %v, want %v %v", k, there, p, a.There, a.Proof)
				}
				got, err := a.Proof.RootWithout(k)
				if a.There {
					if s.Value() != wire.Hash(a.V) {
						t.Errorf("%x: V %x, want %x", k, s.Value(), a.V)
					}
					got, err = a.Proof.Root(k, wire.Hash(a.V))
				}
				if err != nil || got != root {
					t.Errorf("%x: the proof gives %x, %v", k, got, err)
				}
			}
		})
	}
}

type question struct {
	name string
	list []index.Update
	ask  []wire.Hash
}

func questions() []question {
	a, b := history(1), history(2)
	twin := under(flip(a.K, 255))
	near := under(flip(a.K, 19))
	many := slices.Collect(histories(50))
	return []question{
		{"no history: the root is zero", nil, []wire.Hash{a.K}},
		{"one history: the root is its leaf", []index.Update{a}, []wire.Hash{a.K, b.K, flip(a.K, 255)}},
		{"two histories", []index.Update{a, b}, []wire.Hash{a.K, b.K, flip(a.K, 255), flip(b.K, 255)}},
		{"sharing 19 bits: empty subtrees on the path", []index.Update{a, near},
			[]wire.Hash{a.K, near.K, flip(a.K, 0), flip(a.K, 18), flip(a.K, 20)}},
		{"sharing 255 bits: 256 siblings", []index.Update{a, twin}, []wire.Hash{a.K, twin.K, flip(a.K, 254)}},
		{"replaced: the later update counts", []index.Update{a, b, {K: a.K, State: b.State}}, []wire.Hash{a.K}},
		{"fifty", many, []wire.Hash{many[0].K, many[49].K, flip(many[7].K, 3), flip(many[7].K, 200), {}}},
	}
}

// write makes the vectors with the oracle, never with the tree that they are to check.
func write(t *testing.T, path string) {
	file := vectorFile{About: "The subject index: histories inserted in this order (a later one under the same K replaces the earlier) -> the root, and for each K asked for whether it is there, its V and its proof. Bytes are hexadecimal; proofs are spelled as in statements."}
	for _, q := range questions() {
		list := contents(q.list)
		root := oracleRoot(list, 0)
		v := vector{Name: q.name, In: given{Histories: []vectorHistory{}}, Out: conclusion{Root: root[:]}}
		for _, u := range q.list {
			v.In.Histories = append(v.In.Histories, vectorHistory{u.K[:], u.State.Count, u.State.Head[:]})
		}
		for _, k := range q.ask {
			v.In.Ask = append(v.In.Ask, k[:])
			s, there := find(list, k)
			a := answer{There: there, Proof: oracleProof(list, k)}
			if there {
				value := oracleValue(s)
				a.V = value[:]
			}
			v.Out.Answers = append(v.Out.Answers, a)
		}
		file.Vectors = append(file.Vectors, v)
	}
	data, err := json.Marshal(file, jsontext.WithIndent(" "))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}
