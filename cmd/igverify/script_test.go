package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

var update = flag.Bool("update", false, "write the golden files")

// TestScripts runs testdata/*.txt, each against its copy of the same logs. The scripts assert exit
// codes, checks and fields; "golden NAME" compares all that was printed with testdata/NAME.golden,
// where the wording of each report is. Files in $WORK:
//
//	log/        an honest log of 11 entries    grown/  the same, 700 entries later     early/  the same, when it had 7
//	fork/       same keys, same size as log/, another history from entry 7 on          fork-grown/  fork/, grown
//	stolen/     log/ with a leaf by the revoked key
//	misfiled/   log/ with an access filed under another person
//	invented/   log/ with an organisation without a countersignature
//	receipt.json, entry.sdjwt, opening.json   of entry 8 of log/, about the person in id; other-id is another person
//	public-receipt.json, public-entry.jws     of entry 1
//
// $KEY is the verifier key, $OTHER another log's of the same name, $URL serves $WORK, $HOSTILE
// serves endless bodies, $WEB a web page.
func TestScripts(t *testing.T) {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	golden := func(ts *testscript.TestScript, _ bool, args []string) {
		compareGolden(ts, filepath.Join(dir, args[0]+".golden"), ts.ReadFile("stdout"))
	}
	made := &testscript.Env{WorkDir: t.TempDir()}
	checkpoint, err := makeLogs(made)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, made.Vars...)
			serveLogs(env, checkpoint)
			return os.CopyFS(env.WorkDir, os.DirFS(made.WorkDir))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "no-id": noID, "golden": golden},
	})
}

// random matches what differs from run to run: hashes and words of them, ids of keys, signatures,
// and how long ago something was.
var random = regexp.MustCompile(`[0-9a-f]{40,}|[A-Za-z0-9_-]{43}\b|key [0-9a-f]{8}\b|[A-Za-z0-9+/]{40,}=*|[0-9]+ hours ago|(?m:^six words  .*$)`)

// compareGolden compares text with a golden file, or with -update writes it.
func compareGolden(t interface{ Fatalf(string, ...any) }, path, text string) {
	text = random.ReplaceAllString(text, "#")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatalf("%v", err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if text != string(want) {
		t.Fatalf("the output differs from %s; if that is meant, run the test with -update and read the difference\n%s",
			filepath.Base(path), text)
	}
}

// makeLogs makes what each script finds in its $WORK, and returns the checkpoint of log/.
func makeLogs(env *testscript.Env) (checkpoint []byte, err error) {
	s := testlog.NewSample("ledger.test/2026")
	dir := func(name string, files map[string][]byte) {
		testlog.WriteFiles(filepath.Join(env.WorkDir, name), files)
	}
	size := s.Size()
	index := s.Accesses[3]
	dir("log", s.Files())
	dir("early", s.FilesAt(7))

	fork := s.Fork(7)
	for fork.Size() < size {
		fork.AddRandom(1)
	}
	dir("fork", fork.Files())
	fork.AddRandom(300)
	dir("fork-grown", fork.Files())

	stolen := s.Fork(size)
	at := stolen.AddSealed(s.Access("lothian", s.Source, s.IDs[0]), s.IDs[0])
	stolenFiles := stolen.Files()
	misfiled := s.Fork(size)
	misfiled.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[1])
	dir("misfiled", misfiled.Files())
	dir("stolen", stolenFiles)
	invented := s.Fork(size)
	invented.AddPublic(s.Organisation("fife", s.Registrar, nil))
	dir("invented", invented.Files())

	begun := *s.Log // began anew: same log key, another pseudonym key
	begun.VRF = wire.NewVRFKey()
	newGenesis := begun.Genesis(s.Key)

	hostileText := s.Fork(size)
	a := s.Access("lothian", s.Second, s.IDs[0]).Body.(*entry.Access)
	a.ID, a.Staff.Name = "", "Dr \x1b[2J\u202eEvil"
	e, err := entry.Sign(s.Second, a)
	if err != nil {
		return nil, err
	}
	hostileText.AddSealed(e, s.IDs[0])
	dir("text", hostileText.Files())

	grown := s.Fork(size)
	grown.AddRandom(700)
	dir("grown", grown.Files())

	files := map[string][]byte{
		"receipt.json": testlog.JSON(s.Receipt(index, size)), "entry.sdjwt": []byte(s.Entries[index].SDJWT() + "\n"), "opening.json": testlog.JSON(s.Openings[index]),
		"public-receipt.json": testlog.JSON(s.Receipt(1, size)), "public-entry.jws": []byte(s.Entries[1].Compact),
		"genesis.jws": []byte(s.Entries[0].Compact), "new-genesis.jws": []byte(newGenesis.Compact), "id": []byte(s.IDs[0] + "\n"), "other-id": []byte(s.IDs[1] + "\n"),
		"fork-receipt.json": testlog.JSON(fork.Receipt(3, size)), "fork-entry.sdjwt": []byte(fork.Entries[3].SDJWT()),
		"stolen-receipt.json": testlog.JSON(stolen.Receipt(at, stolen.Size())), "stolen-entry.sdjwt": []byte(stolen.Entries[at].SDJWT()), "stolen-opening.json": testlog.JSON(stolen.Openings[at]),
		"misfiled-receipt.json": testlog.JSON(misfiled.Receipt(size, size+1)), "misfiled-entry.sdjwt": []byte(misfiled.Entries[size].SDJWT()), "misfiled-opening.json": testlog.JSON(misfiled.Openings[size]),
		"text-opening.json": testlog.JSON(hostileText.Openings[size]), "early-receipt.json": testlog.JSON(s.Receipt(3, 7)), "early-entry.sdjwt": []byte(s.Entries[3].SDJWT()),
	}
	testlog.WriteFiles(env.WorkDir, files)
	if err := statements(env, s); err != nil {
		return nil, err
	}
	scopes(env, s)

	// Logs whose files are damaged in one place.
	bundle := verifier.BundlePath(0, int(size))
	for name, change := range map[string]func(map[string][]byte){
		"swapped": func(f map[string][]byte) {
			l := append([][]byte(nil), s.Leaves...)
			l[4], l[5] = l[5], l[4]
			f[bundle] = testlog.Bundle(l)
		},
		"dropped": func(f map[string][]byte) {
			f[bundle] = testlog.Bundle(append(append([][]byte(nil), s.Leaves[:4]...), s.Leaves[5:]...))
		},
		"exchanged": func(f map[string][]byte) {
			l := append([][]byte(nil), s.Leaves...)
			l[4] = hostileText.Leaves[size]
			f[bundle] = testlog.Bundle(l)
		},
		"regenesis": func(f map[string][]byte) {
			l := append([][]byte(nil), s.Leaves...)
			l[0] = proof.PublicLeaf(newGenesis.Compact)
			f[bundle] = testlog.Bundle(l)
		},
		"truncated": func(f map[string][]byte) { f[bundle] = f[bundle][:len(f[bundle])-10] },
		"no-bundle": func(f map[string][]byte) { delete(f, bundle) },
		"rekeyed":   func(f map[string][]byte) { f["checkpoint"] = testlog.NewSample("ledger.test/2026").Checkpoint(size) },
	} {
		f := s.Files()
		change(f)
		dir(name, f)
	}

	env.Setenv("KEY", s.Key)
	env.Setenv("OTHER", testlog.New("ledger.test/2026").Key)
	env.Setenv("IDS", strings.Join(s.IDs, " "))
	return s.Checkpoint(size), nil
}

// serveLogs sets $URL, $HOSTILE and $WEB.
func serveLogs(env *testscript.Env, checkpoint []byte) {
	srv := httptest.NewServer(http.FileServer(http.Dir(env.WorkDir)))
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/checkpoint") && strings.HasPrefix(r.URL.Path, "/tiles/") {
			w.Write(checkpoint)
			return
		}
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<!doctype html><p>Please sign in")) }))
	env.Defer(srv.Close)
	env.Defer(hostile.Close)
	env.Defer(web.Close)
	env.Setenv("URL", srv.URL)
	env.Setenv("HOSTILE", hostile.URL)
	env.Setenv("WEB", web.URL)
}

// statements writes statement.json about the person in id, cosigned by all of policy.txt a month
// before testlog.Now, empty.json about the person in nobody, newer.json with an entry newer than
// the index, verdicts.json of a log with the key $GOVERNED and the files in governed/, with
// accesses that are covered and not, one of them in verdict-opening.json, extract.json,
// uncosigned.json, newer.json with an entry that its index root does not cover, invented.json with
// one that nobody signed, refreshed.json, which is newer.json under the checkpoint of the next
// index root, evasive.json, which lacks the newer entry of evaded-receipt.json, dropped.json
// without an access, and bulk.json with a read of everyone's data, alone.json without it,
// linked.json with a linked id, unlinked.json without what stands under it, lying.json of an
// operator whose index lacks the access of lied-receipt.json.
func statements(env *testscript.Env, s *testlog.Sample) error {
	w, a := testlog.NewCosigner("witness.test/w"), testlog.NewCosigner("board.test/audit")
	if err := trusted(env, s, w, a); err != nil {
		return err
	}
	l := s.Fork(s.Size())
	claim := testlog.Claim{ID: s.IDs[0], IndexRoot: l.AddIndexRoot(), Cosigners: []*testlog.Cosigner{w, a}, CosignedAt: testlog.Now - 30*86400}
	l.AddRandom(2)
	files := map[string][]byte{
		"policy.txt": testlog.Policy(s.Key, 1, []*testlog.Cosigner{w}, []*testlog.Cosigner{a}), "nobody": []byte("chi:0202021238\n"),
		"statement.json": testlog.StatementJSON(l.Statement(claim)),
	}
	extract, err := l.Extract(claim, s.Accesses[3]).Marshal()
	if err != nil {
		return err
	}
	files["extract.json"] = extract
	empty := claim
	empty.ID = "chi:0202021238"
	files["empty.json"] = testlog.StatementJSON(l.Statement(empty))
	bare := claim
	bare.Cosigners = nil
	files["uncosigned.json"] = testlog.StatementJSON(l.Statement(bare))
	dropped := l.Statement(claim)
	dropped.Entries, dropped.Subject.Count = dropped.Entries[1:], 1
	l.Prove(dropped)
	files["dropped.json"] = testlog.StatementJSON(dropped)
	late := s.Fork(s.Size())
	fresh := claim
	fresh.IndexRoot = late.AddIndexRootWhile(func() { late.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[0]) })
	fresh.CosignedAt = time.Now().Unix()
	files["newer.json"] = testlog.StatementJSON(late.Statement(fresh))
	made := s.Fork(s.Size())
	forged := fresh
	forged.IndexRoot = made.AddIndexRootWhile(func() { made.AddSealed(s.Access("lothian", testlog.Signer("EdDSA"), s.IDs[0]), s.IDs[0]) })
	files["invented.json"] = testlog.StatementJSON(made.Statement(forged))
	evasive := late.Statement(fresh)
	evasive.Newer = bundle.Entries{}
	late.Prove(evasive)
	files["evasive.json"], files["evaded-receipt.json"] = testlog.StatementJSON(evasive), testlog.JSON(late.Receipt(s.Size(), s.Size()+1))
	late.AddIndexRoot()
	fresh.Size = late.Size()
	files["refreshed.json"] = testlog.StatementJSON(late.Statement(fresh))

	g := testlog.NewGoverned(testlog.New("ledger.test/2026"))
	g.AddSealed(testlog.Sign(g.Operator, &entry.Decision{Common: g.Common("operator"), Org: "fife", Holder: "lothian", Action: "R", Purpose: []string{"HMARKT"}, Decision: "deny",
		Rules: []string{"agreement-named"}, Asked: "2026-11-22T08:59:50Z", Sub: g.IDs[0]}), g.IDs[0])
	g.GiveVerdicts(consent.New())
	g.Openings[g.Shared[0]].Verdict.Policies = 3 // of a policy set whose words are not at hand
	files["verdicts.json"] = testlog.StatementJSON(g.Statement(testlog.Claim{ID: g.IDs[0], IndexRoot: g.AddIndexRoot()}))
	files["verdict-opening.json"] = testlog.JSON(g.Openings[g.Shared[3]])
	testlog.WriteFiles(filepath.Join(env.WorkDir, "governed"), g.Files())
	env.Setenv("GOVERNED", g.Key)

	bulk := s.Fork(s.Size())
	bulk.AddSealed(s.Access("lothian", s.Second, entry.RegEveryone), entry.RegEveryone)
	all := claim
	all.IndexRoot = bulk.AddIndexRoot()
	files["bulk.json"] = testlog.StatementJSON(bulk.Statement(all))
	all.Alone = true
	files["alone.json"] = testlog.StatementJSON(bulk.Statement(all))

	linked := s.Fork(s.Size())
	const number = "temp:lothian:B-9" // nobody's whose number must not be in an output
	linked.AddSealed(s.Access("lothian", s.Second, number), number)
	linked.AddSealed(s.Link("lothian", s.Second, "linked", s.IDs[0], number), s.IDs[0])
	both := claim
	both.IndexRoot = linked.AddIndexRoot()
	files["linked.json"] = testlog.StatementJSON(linked.Statement(both))
	both.Linked = []string{}
	files["unlinked.json"] = testlog.StatementJSON(linked.Statement(both))

	liar := s.Fork(s.Size())
	histories := liar.Histories(s.Size())
	tag, _ := s.VRF.Tag(s.Origin, s.IDs[0])
	delete(histories, proof.TagKey(tag))
	files["lying.json"] = testlog.StatementJSON(liar.Statement(testlog.Claim{ID: s.IDs[0], Histories: histories, Omit: map[uint64]bool{s.Accesses[0]: true, s.Accesses[3]: true},
		IndexRoot: liar.AddIndexRootOf(s.Size(), testlog.IndexOf(histories).Root(), s.Operator)}))
	later := s.Fork(s.Size())
	later.AddRandom(2)
	last := later.AddSealed(s.Access("lothian", s.Second, s.IDs[0]), s.IDs[0])
	files["later-receipt.json"] = testlog.JSON(later.Receipt(last, later.Size()))
	other := testlog.NewSample("other.test/2026")
	files["other-log-receipt.json"] = testlog.JSON(other.Receipt(other.Accesses[0], other.Size()))
	namesake := testlog.NewSample(s.Origin)
	files["namesake-receipt.json"] = testlog.JSON(namesake.Receipt(namesake.Accesses[0], namesake.Size()))
	files["lied-receipt.json"] = testlog.JSON(s.Receipt(s.Accesses[0], s.Size()))
	testlog.WriteFiles(env.WorkDir, files)
	return nil
}

// exits runs igverify and checks its exit code: "exits CODE ARGS…". The last argument may be <FILE,
// for standard input. It runs in this process, where the race detector sees it.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	want, words, stdin := args[0], args[1:], ""
	if last := words[len(words)-1]; strings.HasPrefix(last, "<") {
		stdin, words = ts.ReadFile(last[1:]), words[:len(words)-1]
	}
	var out, errOut bytes.Buffer
	code := strconv.Itoa(runIn(ts, words, stdin, &out, &errOut))
	namesNobody(ts, out.String(), errOut.String())
	_, err := io.Copy(ts.Stdout(), &out)
	ts.Check(err)
	_, err = io.Copy(ts.Stderr(), &errOut)
	ts.Check(err)
	if code != want {
		ts.Fatalf("exit code %s, want %s", code, want)
	}
}

// there is held by the script that has set the working folder and the environment.
var there sync.Mutex

// runIn runs igverify in the script's folder and with its environment.
func runIn(ts *testscript.TestScript, args []string, stdin string, out, errOut io.Writer) int {
	there.Lock()
	defer there.Unlock()
	back, err := os.Getwd()
	ts.Check(err)
	ts.Check(os.Chdir(ts.MkAbs(".")))
	defer os.Chdir(back) //nolint:errcheck // it was there before
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "IGLEDGER_URL", "IGLEDGER_LOG_KEY"} {
		before := os.Getenv(name)
		ts.Check(os.Setenv(name, ts.Getenv(name)))
		defer os.Setenv(name, before) //nolint:errcheck // it was so before
	}
	return run(context.Background(), args, strings.NewReader(stdin), out, errOut)
}

// noID checks that what was printed last names no person.
func noID(ts *testscript.TestScript, _ bool, _ []string) {
	namesNobody(ts, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
}

func namesNobody(ts *testscript.TestScript, out, errOut string) {
	for _, id := range strings.Fields(ts.Getenv("IDS")) {
		if _, number, _ := strings.Cut(id, ":"); strings.Contains(out+errOut, number) {
			ts.Fatalf("a person is named")
		}
	}
}
