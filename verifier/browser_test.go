package verifier_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/cryptotest"
	"time"

	"igledger/internal/oracle"
	"igledger/internal/testneeds"
	"igledger/verifier"
)

// A browser runs the verifier that the page /check loads, in one process of Node.
type browser struct {
	in  io.Writer
	out *bufio.Reader
}

// A question is what lines.mjs reads.
type question struct {
	Kind   string  `json:"kind"` // statement, extract or policy
	File   []byte  `json:"file"`
	Policy string  `json:"policy"`
	ID     string  `json:"id"`
	Days   string  `json:"days"`
	Now    float64 `json:"now"`
}

// A browserAnswer is what lines.mjs writes.
type browserAnswer struct {
	oracle.Answer
	Cosigned []string `json:"cosigned"`
	Outcome  string   `json:"outcome"`
	Doubtful int      `json:"doubtful"`
	Broken   string   `json:"broken"` // the verifier itself failed
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	node := testneeds.Program(t, "node")
	module, err := filepath.Abs("../internal/web/ui/dist/check.js")
	if err == nil {
		_, err = os.Stat(module)
	}
	testneeds.It(t, "verifier, which make pages builds", err)
	cmd := exec.Command(node, "../internal/web/verifier/lines.mjs", module)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v\n%s", err, complaints.String())
		}
	})
	return &browser{in, bufio.NewReader(out)}
}

// ask writes questions and reads as many answers.
func (b *browser) ask(t testing.TB, list []question) []browserAnswer {
	t.Helper()
	return b.put(list)(t)
}

// put writes questions while the caller does something else, and returns what reads the answers.
func (b *browser) put(list []question) (answers func(testing.TB) []browserAnswer) {
	failed := make(chan error, 1)
	go func() {
		e := json.NewEncoder(b.in)
		for i := range list {
			if err := e.Encode(&list[i]); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	return func(t testing.TB) []browserAnswer {
		t.Helper()
		answers := make([]browserAnswer, len(list))
		for i := range answers {
			line, err := b.out.ReadBytes('\n')
			if err == nil {
				err = json.Unmarshal(line, &answers[i])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		return answers
	}
}

// igverifys is what package verifier answers.
func (q question) igverifys() browserAnswer {
	p, err := verifier.ParsePolicy([]byte(q.Policy))
	if err != nil {
		return browserAnswer{Answer: oracle.Answer{First: "policy"}}
	}
	at := time.UnixMilli(int64(q.Now * 1000))
	ev := verifier.StatementEvidence{Statement: q.File, Policy: p, ID: q.ID, Now: at}
	if q.Days != "" {
		ev.Period = asked(q.Days)
	}
	check := verifier.CheckStatement
	if q.Kind == "extract" {
		check = verifier.CheckExtract
	}
	r := check(ev)
	outcome, _ := r.Outcome()
	return browserAnswer{Answer: ours(r), Outcome: string(outcome), Doubtful: len(r.Doubtful)}
}

func differs(got, want browserAnswer) string {
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return fmt.Sprintf("the browser %+v\nigverify    %+v", got, want)
}

// TestBrowserAgreesOnVectors gives the verifier for the browser every judged file.
func TestBrowserAgreesOnVectors(t *testing.T) {
	b := newBrowser(t)
	for _, kind := range []string{"statement", "extract", "policy"} {
		var file judgedFile
		data, err := os.ReadFile(filepath.Join(judgedFolder, kind+".json"))
		if err == nil {
			err = json.Unmarshal(data, &file)
		}
		if err != nil {
			t.Fatal(err)
		}
		var list []question
		for _, v := range file.Vectors {
			now := float64(v.In.Now.UnixMilli()) / 1000
			list = append(list, question{kind, []byte(v.In.File), v.In.Policy, v.In.ID, v.In.Days, now})
		}
		for i, got := range b.ask(t, list) {
			v := file.Vectors[i]
			var want browserAnswer
			out, err := json.Marshal(v.Out)
			if err == nil {
				err = json.Unmarshal(out, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			if kind != "policy" { // what the vectors do not say
				own := list[i].igverifys()
				want.Outcome, want.Doubtful = own.Outcome, own.Doubtful
			}
			if d := differs(got, want); d != "" {
				t.Errorf("%s: %s:\n%s", kind, v.Name, d)
			}
		}
	}
}

// TestBrowserAgreesOnMutations gives the same mutated statements to igverify's verifier and to the
// browser's. IGLEDGER_MUTATIONS is their number, IGLEDGER_CHANCE the seed from which they follow.
func TestBrowserAgreesOnMutations(t *testing.T) {
	// The same seed gives the same mutations, so more of them belong into make nightly.
	mutations := int(setting(t, "IGLEDGER_MUTATIONS", uint64(testneeds.Part(under(8000), 200))))
	chance := setting(t, "IGLEDGER_CHANCE", 20261128)
	b := newBrowser(t)
	cryptotest.SetGlobalRandom(t, chance)
	f := newForge(t, rand.New(rand.NewPCG(chance, 2)))
	other := parseTree(f.w.finished(t, honest(f.w)))
	firsts, disagreed := map[string]int{}, 0
	mutated := func() (list []question) {
		l := f.log()
		c := f.claim(l)
		for range 20 {
			now := float64(now.Unix()) + f.Float64()
			if f.chance(10) {
				now += pick[float64](f, -400, -200, 86400, 2*86400, 3*86400)
			}
			list = append(list, question{"statement", f.statement(t, l, c, other), pick(f, f.policies...), f.asked(c), f.days(c), now})
		}
		return list
	}
	// The browser answers while igverify does, and while the next ones are made.
	next := mutated()
	for n := 0; n < mutations && disagreed <= 20; n += 20 {
		list := next
		answers := b.put(list)
		answered := make(chan []browserAnswer, 1)
		go func() {
			answers := make([]browserAnswer, len(list))
			for i := range list {
				answers[i] = list[i].igverifys()
			}
			answered <- answers
		}()
		next = mutated()
		got := answers(t)
		for i, want := range <-answered {
			firsts[want.First]++
			if d := differs(got[i], want); d != "" {
				disagreed++
				name := filepath.Join(os.TempDir(), fmt.Sprintf("browser-%d-%d.json", chance, n+i))
				data, err := json.Marshal(list[i])
				if err == nil {
					err = os.WriteFile(name, data, 0o600)
				}
				if err != nil {
					t.Error(err)
				}
				t.Errorf("mutation %d from chance %d, %s:\n%s", n+i, chance, name, d)
			}
		}
	}
	t.Logf("%d mutations from chance %d; the first check that failed: %v", mutations, chance, firsts)
	if mutations >= 1000 && len(firsts) < 15 {
		t.Error("the mutations do not get deep")
	}
}

// TestBrowserAgreesOnExtracts does the same with mutated extracts.
func TestBrowserAgreesOnExtracts(t *testing.T) {
	chance := setting(t, "IGLEDGER_CHANCE", 20261128)
	b := newBrowser(t)
	cryptotest.SetGlobalRandom(t, chance)
	f := newForge(t, rand.New(rand.NewPCG(chance, 3)))
	var list []question
	for range testneeds.Part(20, 6) {
		l := f.log()
		c := f.claim(l)
		c.Period, c.Besides, c.Linked = nil, "", nil
		var at []uint64
		for i, o := range l.Openings {
			if o != nil && f.chance(60) {
				at = append(at, i)
			}
		}
		slices.Sort(at)
		for range under(25) {
			tree := parseTree(raw(t, l.Extract(c, at...)))
			for range f.IntN(3) {
				mutateTree(f.Rand, tree, tree.clone())
			}
			list = append(list, question{"extract", tree.bytes(), pick(f, f.policies...), pick(f, "", f.w.me()), "", float64(now.Unix())})
		}
	}
	for i, got := range b.ask(t, list) {
		if d := differs(got, list[i].igverifys()); d != "" {
			t.Errorf("extract %d from chance %d:\n%s", i, chance, d)
		}
	}
}
