package verifier_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/internal/oracle"
	"igledger/internal/testlog"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// judgedFolder has whole files with what a verifier finds in them: see the README of the vectors.
var judgedFolder = filepath.Join("..", "ledger", "entry", "testdata", "vectors", "judged")

// A judged file is a statement, extract or receipt, what its reader brings, and the answer.
type judged struct {
	Name string   `json:"name"`
	In   judgedIn `json:"in"`
	Out  any      `json:"out"`
}

type judgedIn struct {
	File   string    `json:"file"`
	Policy string    `json:"policy"`
	Now    time.Time `json:"now"`
	ID     string    `json:"id,omitzero"`     // of statements
	Days   string    `json:"days,omitzero"`   // of statements: "2026-11-12..2026-11-12"; the whole history if absent
	Entry  string    `json:"entry,omitzero"`  // of receipts: what the source holds
	VRFKey string    `json:"vrfKey,omitzero"` // of receipts, in hexadecimal
}

type judgedFile struct {
	About   string   `json:"about"`
	Vectors []judged `json:"vectors"`
}

// judges are what each kind of file is given to: package verifier, and the oracle.
var judges = map[string][2]func(in judgedIn) any{
	"statement": {
		func(in judgedIn) any {
			return ours(verifier.CheckStatement(in.evidence()))
		},
		func(in judgedIn) any { return oracle.Statement(in.File, in.asked()) },
	},
	"extract": {
		func(in judgedIn) any { return ours(verifier.CheckExtract(in.evidence())) },
		func(in judgedIn) any { return oracle.Extract(in.File, in.asked()) },
	},
	"policy": {
		judgeHead,
		func(in judgedIn) any { return oracle.Head(in.File, in.asked()) },
	},
	"receipt": {
		func(in judgedIn) any {
			return judgeReceipt([]byte(in.File), in.Entry, in.Policy, wire.Hash(in.vrfKey()))
		},
		func(in judgedIn) any { return oracle.Receipt(in.File, in.Entry, in.vrfKey(), in.asked()) },
	},
}

func (in judgedIn) vrfKey() []byte {
	b, err := hex.DecodeString(in.VRFKey)
	if err != nil {
		panic(err)
	}
	return b
}

func (in judgedIn) asked() oracle.Asked {
	return oracle.Asked{Policy: in.Policy, ID: in.ID, Days: in.Days, Now: in.Now}
}

func (in judgedIn) evidence() verifier.StatementEvidence {
	p, err := verifier.ParsePolicy([]byte(in.Policy))
	if err != nil {
		panic(err)
	}
	ev := verifier.StatementEvidence{Statement: []byte(in.File), Policy: p, ID: in.ID, Now: in.Now}
	if in.Days != "" {
		ev.Period = asked(in.Days)
	}
	return ev
}

// TestJudged gives each file to both verifiers. With -update it makes the files anew.
func TestJudged(t *testing.T) {
	made := makeJudged(t)
	for kind, verifiers := range judges {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(judgedFolder, kind+".json")
			if verifier.Update() {
				writeJudged(t, path, made[kind], verifiers[0])
			}
			var file judgedFile
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
				t.Fatal(err)
			}
			var names, want []string
			for _, v := range file.Vectors {
				names = append(names, v.Name)
				for i, judge := range verifiers {
					if got := plain(t, judge(v.In)); !reflect.DeepEqual(got, v.Out) {
						t.Errorf("%s: verifier %d found %v; want %v", v.Name, i, got, v.Out)
					}
				}
			}
			for _, v := range made[kind].Vectors {
				want = append(want, v.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("the vectors are not those of the catalogue: make them anew with -update")
			}
		})
	}
}

func writeJudged(t *testing.T, path string, file judgedFile, judge func(in judgedIn) any) {
	t.Helper()
	for i := range file.Vectors {
		file.Vectors[i].Out = judge(file.Vectors[i].In)
	}
	data, err := json.Marshal(file, json.Deterministic(true), jsontext.WithIndent(" "))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plain is v as JSON reads it again.
func plain(t *testing.T, v any) (out any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// makeJudged makes all files from fixed keys and a fixed random stream.
func makeJudged(t *testing.T) map[string]judgedFile {
	cryptotest.SetGlobalRandom(t, 1)
	w := newWorld(t)
	return map[string]judgedFile{
		"statement": {
			"Whole statements, good ones and every tampering of docs/THREATS.md, and what a verifier finds in them.",
			w.judgedStatements(t),
		},
		"extract": {"Extracts, and what a verifier finds in them.", w.judgedExtracts(t)},
		"policy": {
			"Checkpoints under policies (C2SP tlog-policy, tlog-cosignature): who cosigned, and since when the quorum stands.",
			w.judgedPolicies(),
		},
		"receipt": {"Receipts, the entries that their sources hold, and what a verifier finds.", w.judgedReceipts()},
	}
}

func (w *world) policyText() string {
	return string(testlog.Policy(w.Key, 2, w.witnesses, w.auditors))
}

func (w *world) judgedStatements(t *testing.T) (list []judged) {
	add := func(name string, data []byte, id, policy string, now time.Time) {
		list = append(list, judged{Name: name, In: judgedIn{File: string(data), Policy: policy, Now: now.UTC(), ID: id}})
	}
	good := func(id string, change func(l *testlog.Log, c *testlog.Claim)) []byte {
		l := w.log()
		w.link(l, "linked", w.me(), w.other())
		c := w.indexed(l)
		c.ID = id
		if change != nil {
			change(l, &c)
		}
		return raw(t, l.Statement(c))
	}
	whole := good(w.me(), nil)
	add("good: two accesses, and a link", whole, w.me(), w.policyText(), now)
	add("good: nothing on record", good("chi:0202021238", nil), "chi:0202021238", w.policyText(), now)
	add("good: three days old", whole, w.me(), w.policyText(), now.Add(72*time.Hour))
	add("good: a policy that asks for nobody", whole, w.me(), "log "+w.Key+"\nquorum none\n", now)
	for _, c := range slices.Concat(tamperings(w), linkTamperings(w), anchorTamperings(w)) {
		data, id := c.make(t)
		add(c.name, data, id, w.policyText(), now)
	}
	return append(list, w.judgedScopes(t)...)
}

// judgedScopes are statements for days, or asked for some.
func (w *world) judgedScopes(t *testing.T) (list []judged) {
	add := func(name, days string, data []byte) {
		in := judgedIn{File: string(data), Policy: w.policyText(), Now: now.UTC(), ID: w.me(), Days: days}
		list = append(list, judged{Name: name, In: in})
	}
	d := w.dated(w.log())
	of := func(days string, before, after uint64) {
		add("good: days "+days, days, raw(t, d.Statement(d.claim(w, d.Period(days, before, after)))))
	}
	of(the12th, d.r1, d.r3)
	of("2026-11-11..2026-11-12", 0, d.r3)
	of("2026-11-12..2026-11-21", d.r1, 0)
	of("2026-11-12..2026-11-22", d.r1, 0) // the last is not over
	for _, c := range scopeTamperings(w) {
		data, _ := c.make(t)
		days := ""
		if c.asked != nil {
			days = c.asked.String()
		}
		add(c.name, days, data)
	}
	return list
}

func (w *world) judgedExtracts(t *testing.T) (list []judged) {
	add := func(name string, make func() []byte) {
		list = append(list, judged{Name: name, In: judgedIn{File: string(make()), Policy: w.policyText(), Now: now.UTC()}})
	}
	made := func(change func(l *testlog.Log, text string) string, extra ...func(l *testlog.Log)) func() []byte {
		return func() []byte {
			l := w.log()
			at := []uint64{w.Accesses[0], w.Accesses[3]}
			for _, f := range extra {
				f(l)
				at = append(at, l.Size()-1)
			}
			return []byte(change(l, string(raw(t, l.Extract(w.indexed(l), at...)))))
		}
	}
	same := func(_ *testlog.Log, text string) string { return text }
	replaced := func(old, new string) func(*testlog.Log, string) string {
		return func(_ *testlog.Log, text string) string { return strings.Replace(text, old, new, 1) }
	}
	add("good: two accesses", made(same))
	add("no entry", made(replaced(`"entries":[`, `"entries":[],"x":[`)))
	add("a statement's format", made(replaced("igledger-extract/1", "igledger-statement/1")))
	add("an entry at another position", made(replaced(`{"index":3,"tagCommit"`, `{"index":4,"tagCommit"`)))
	add("another log", made(replaced(`"origin":"`+origin, `"origin":"other.test/1`)))
	add("a disclosure left out", made(func(_ *testlog.Log, text string) string {
		at := strings.LastIndex(text, `"disclosures":["`) + len(`"disclosures":[`)
		return text[:at] + text[at+strings.Index(text[at:], ",")+1:]
	}))
	add("an entry by a revoked key", made(same, func(l *testlog.Log) { l.AddSealed(w.Access("lothian", w.Source, w.me()), w.me()) }))
	add("an entry in another's name", made(same, func(l *testlog.Log) { l.AddSealed(w.Access("fife", w.Second, w.me()), w.me()) }))
	add("an entry altered after it was signed", made(same, func(l *testlog.Log) {
		e := w.Access("lothian", w.Second, w.me())
		l.AddSealed(parsed(alterPayload(e.Compact, "08:59:30Z", "20:59:30Z"), e.Encoded()), w.me())
	}))
	return list
}

func (w *world) judgedReceipts() (list []judged) {
	l := w.log()
	i, other := w.Accesses[0], w.Accesses[3]
	size := l.Size()
	l.Cosign(size, w.everybody()...)
	vrf := l.VRF.Public()
	add := func(name string, data []byte, held, policy string) {
		in := judgedIn{File: string(data), Policy: policy, Now: now.UTC(), Entry: held, VRFKey: hex.EncodeToString(vrf[:])}
		list = append(list, judged{Name: name, In: in})
	}
	held, policy := l.Entries[i].SDJWT(), w.policyText()
	good := string(testlog.JSON(l.Receipt(i, size)))
	add("good: an access", []byte(good), held, policy)
	add("good: a public entry", testlog.JSON(l.Receipt(1, size)), l.Entries[1].Compact, policy)
	add("good: nobody asked", []byte(good), held, "log "+w.Key+"\nquorum none\n")
	add("another entry", []byte(good), l.Entries[other].SDJWT(), policy)
	add("the source does not show whom it is about", []byte(good), l.Entries[i].Compact+"~", policy)
	add("a public entry's receipt", testlog.JSON(l.Receipt(1, size)), held, policy)
	add("an unknown member", []byte(strings.Replace(good, "{", `{"x":1,`, 1)), held, policy)
	add("another log's policy", []byte(good), held, "log "+testlog.New("other.test/1").Key+"\nquorum none\n")
	r := l.Receipt(i, size)
	r.TagSalt = l.Receipt(other, size).TagSalt
	add("another tag salt", testlog.JSON(r), held, policy)
	r = l.Receipt(i, size)
	r.BodySalt = l.Receipt(other, size).BodySalt
	add("another body salt", testlog.JSON(r), held, policy)
	r = l.Receipt(i, size)
	r.VRFProof = l.Receipt(w.Accesses[1], size).VRFProof
	add("another person's VRF proof", testlog.JSON(r), held, policy)
	r = l.Receipt(i, size)
	r.Proof = l.Receipt(other, size).Proof
	add("another place", testlog.JSON(r), held, policy)
	r = l.Receipt(i, size)
	r.Proof = laterCosignature(r.Proof)
	add("a cosignature of another time", testlog.JSON(r), held, policy)
	f := w.log() // the log alone has signed it
	add("signed by the log only", testlog.JSON(f.Receipt(i, size)), held, policy)
	f.AddSealed(w.Access("lothian", w.Second, w.IDs[1]), w.IDs[2])
	f.Cosign(f.Size(), w.everybody()...)
	add("filed under another person", testlog.JSON(f.Receipt(f.Size()-1, f.Size())), f.Entries[f.Size()-1].SDJWT(), policy)
	return list
}
