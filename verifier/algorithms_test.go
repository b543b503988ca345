package verifier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// TestAlgorithms checks statements whose log and cosigners sign with ML-DSA-44, with several keys,
// or with an algorithm of which nothing is known.
func TestAlgorithms(t *testing.T) {
	w := newWorld(t)
	a, p := testlog.NewCosigner("a.test"), testlog.NewPQCosigner("p.test")
	own := testlog.NewPQCosigner(origin) // the log's second key
	thief := testlog.NewPQCosigner("p.test")
	unknown := "x.test+01020304+CQEB"
	l := w.log()
	claim := w.indexed(l)
	size := claim.IndexRoot + 1
	head := proof.Checkpoint{Origin: origin, Size: size, Root: l.Root(size)}
	fork := head
	fork.Root[0]++
	known := "log " + w.Key + "\nwitness a " + a.VKey() + "\nwitness p " + p.VKey() + "\n"
	for name, c := range map[string]struct {
		policy string
		lines  string
		fails  verifier.Check // "": it holds
		says   string         // a note of the report that begins so
	}{
		"ML-DSA-44 and Ed25519": {known + "group g all a p\nquorum g\n", a.Line(head, testlog.Now) + p.Line(head, testlog.Now), "", ""},
		"ML-DSA-44 as witnesses and auditors": {known + "group witnesses all p\ngroup auditors all a\n" +
			"group g all witnesses auditors\nquorum g\n", a.Line(head, testlog.Now) + p.Line(head, testlog.Now), "", ""},
		"ML-DSA-44 did not cosign":     {known + "quorum p\n", a.Line(head, testlog.Now), verifier.CheckQuorum, ""},
		"it cosigned another tree":     {known + "quorum p\n", p.Line(fork, testlog.Now), verifier.CheckCosignature, ""},
		"its line with another time":   {known + "quorum p\n", retimed(p.Line(head, testlog.Now)), verifier.CheckCosignature, ""},
		"another's key under its name": {known + "quorum p\n", thief.Line(head, testlog.Now), verifier.CheckQuorum, ""},
		"a line of tomorrow": {
			known + "quorum p\n", p.Line(head, testlog.Now+86400), verifier.CheckQuorum,
			"the cosignature of p is not used: its time",
		},
		"a line without a time": {
			known + "quorum p\n", p.Line(head, 0), verifier.CheckQuorum,
			"the cosignature of p is not used: it states no time",
		},
		"and one with it": {known + "quorum p\n", p.Line(head, 0) + p.Line(head, testlog.Now), "", ""},
		"an unknown algorithm, not needed": {
			known + "witness x " + unknown + "\ngroup g 2 a p x\nquorum g\n",
			a.Line(head, testlog.Now) + p.Line(head, testlog.Now) + "— x.test AQIDBAEBAQEB\n", "",
			"the key of x in your policy is of an algorithm",
		},
		"an unknown algorithm, needed": {
			known + "witness x " + unknown + "\ngroup g all a x\nquorum g\n", a.Line(head, testlog.Now),
			verifier.CheckQuorum, "the key of x in your policy is of an algorithm",
		},
		"the log by its second key": {"log " + w.Key + "\nlog " + own.VKey() + "\nquorum none\n", own.Line(head, testlog.Now), "", ""},
		"by its second key alone":   {"log " + own.VKey() + "\nquorum none\n", own.Line(head, testlog.Now), "", ""},
		"by it, which did not sign": {"log " + own.VKey() + "\nquorum none\n", "", verifier.CheckCheckpointSignature, ""},
		"by it, which signed another tree": {"log " + w.Key + "\nlog " + own.VKey() + "\nquorum none\n", own.Line(fork, testlog.Now),
			verifier.CheckCheckpointSignature, ""},
		"a log with another Ed25519 key too": {"log " + testlog.New(origin).Key + "\nlog " + w.Key + "\nquorum none\n", "", "", ""},
		"the log as a cosigner": {"log " + w.Key + "\nwitness self " + own.VKey() + "\nlog " + own.VKey() + "\nquorum self\n",
			own.Line(head, testlog.Now), "", "self in your policy has a key of the log itself"},
	} {
		policy, err := verifier.ParsePolicy([]byte(c.policy))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		claim := claim
		claim.Checkpoint = append(slices.Clone(l.Checkpoint(size)), c.lines...)
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(claim)), Policy: policy,
			ID: w.me(), Now: now})
		switch {
		case c.fails == "" && (r.Err() != nil || !r.Complete):
			t.Errorf("%s: %v", name, r.Err())
		case c.fails != "" && !isFailure(r.Err(), c.fails):
			t.Errorf("%s: %v, want %s", name, r.Err(), c.fails)
		case c.says != "" && !slices.ContainsFunc(r.Results, func(x verifier.Result) bool { return strings.HasPrefix(x.Note, c.says) }):
			t.Errorf("%s: the report does not say %q", name, c.says)
		}
	}
}

// retimed returns a signature line with another time.
func retimed(line string) string {
	at := strings.LastIndexByte(line, ' ') + 1
	last := "A"
	if line[at+15] == 'A' {
		last = "B"
	}
	return line[:at+15] + last + line[at+16:]
}

// TestNotesThatCannotBeRead checks that what an editor did to a file, or too many signers, is not
// taken for what an attacker did.
func TestNotesThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	l := w.log()
	claim := w.indexed(l)
	size := claim.IndexRoot + 1
	honest := string(l.Cosigned(size, 0, w.everybody()...))
	text, lines, _ := strings.Cut(honest, "\n\n")
	stranger := testlog.NewCosigner("stranger.test").Line(proof.Checkpoint{Origin: origin}, 1)
	const unknown = "says nothing about who wrote it"
	for name, c := range map[string]struct{ note, found, meaning string }{
		"a byte-order mark":   {"\ufeff" + honest, "byte-order mark", unknown},
		"Windows":             {strings.ReplaceAll(honest, "\n", "\r\n"), "carriage return", unknown},
		"UTF-16":              {utf16(honest), "UTF-16", unknown},
		"extension lines":     {string(l.SignText(text + "\nmore\n")), "extension lines", unknown},
		"101 signature lines": {honest + strings.Repeat(stranger, 101-strings.Count(lines, "\n")), "101 signature lines", unknown},
		"100 signature lines": {honest + strings.Repeat(stranger, 100-strings.Count(lines, "\n")), "", ""},
		"cut short":           {strings.TrimSuffix(honest, "\n"), "cut short", unknown},
		"no signature":        {text + "\n", "no signature lines", unknown},
		"a torn line":         {honest + "— stranger.test\n", "signature line 6", unknown},
		"not UTF-8":           {strings.Replace(honest, "ledger", "l\xe9dger", 1), "not UTF-8", unknown},
		"altered": {
			strings.Replace(honest, "\n"+fmt.Sprint(size), "\n1"+fmt.Sprint(size), 1), "is not over this text",
			"the log did not sign this",
		},
		"another log's": {
			string(testlog.New("other.test").Checkpoint(0)), "its signature lines are of \"other.test\"",
			"the log did not sign this",
		},
		"too long": {honest + strings.Repeat("x", proof.MaxCheckpoint), "at most", ""},
	} {
		claim := claim
		claim.Checkpoint = []byte(c.note)
		s := l.Statement(claim)
		if utf8.ValidString(c.note) && len(c.note) < proof.MaxCheckpoint {
			r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(s), Policy: w.policy, ID: w.me(), Now: now})
			if c.found == "" {
				if r.Err() != nil {
					t.Errorf("%s: %v", name, r.Err())
				}
				continue
			}
			if !isFailure(r.Err(), verifier.CheckCheckpointSignature) {
				t.Errorf("%s: in a statement: %v", name, r.Err())
			}
		}
		v, err := verifier.LogKey(l.Key)
		if err != nil {
			t.Fatal(err)
		}
		_, err = verifier.OpenCheckpoint([]byte(c.note), v)
		f, ok := err.(*verifier.Failure)
		if !ok || !strings.Contains(f.Found, c.found) || !strings.Contains(f.Meaning, c.meaning) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := testlog.StatementJSON(l.Statement(claim))
	for name, data := range map[string]string{"byte-order mark": "\ufeff" + string(good), "UTF-16": utf16(string(good))} {
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: []byte(data), Policy: w.policy, ID: w.me(), Now: now})
		if !isFailure(r.Err(), verifier.CheckStatementForm) || !strings.Contains(r.Failures[0].Found, name) ||
			!strings.Contains(r.Failures[0].Meaning, unknown) {
			t.Errorf("%s: %v", name, r.Err())
		}
	}
	for name, key := range map[string]string{
		"byte-order mark": "\ufeff" + l.Key,
		"ML-DSA-44":       testlog.NewPQCosigner(origin).VKey(),
		"a witness":       testlog.NewCosigner(origin).VKey(),
	} {
		if _, err := verifier.LogKey(key); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a log key with %s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"byte-order mark": "\ufeff" + "log " + l.Key + "\nquorum none\n",
		"UTF-16":          utf16("log " + l.Key + "\nquorum none\n"),
		"Windows":         "log " + l.Key + "\r\nquorum none\r\n",
	} {
		if _, err := cosign.ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a policy with %s: %v", name, err)
		}
	}
	private := string(testlog.NewCosigner("a.test").Signer().Private())
	if _, err := cosign.ParseSigner([]byte(utf16(private))); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("a cosigner's private key: %v", err)
	}
	jwk, err := l.Operator.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.ParseSigner([]byte("\ufeff" + string(jwk))); err == nil || !strings.Contains(err.Error(), "byte-order mark") {
		t.Errorf("a private JWK: %v", err)
	}
}

// utf16 returns ASCII text as some editors save it.
func utf16(s string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return string(b)
}
