package cosign_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

const origin = "ledger.test/2026"

func TestParsePolicyRefuses(t *testing.T) {
	log := testlog.New(origin).Key
	a, b, pq := testlog.NewCosigner("a.test"), testlog.NewCosigner("b.test"), testlog.NewPQCosigner("pq.test")
	good := "log " + log + "\nwitness a " + a.VKey() + "\nwitness b " + b.VKey() + " https://b.test/\n"
	ownKey := strings.SplitN(log, "+", 3)
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"empty":                  {"", 0, "cut short"},
		"cut short":              {"log " + log + "\nquorum none", 0, "cut short"},
		"no quorum":              {good, 0, "0 quorum lines"},
		"two quorums":            {good + "quorum a\nquorum none\n", 0, "2 quorum lines"},
		"no log":                 {"quorum none\n", 0, "no log line"},
		"the same log twice":     {good + "log " + log + "\nquorum none\n", 4, "occurs twice"},
		"an unknown keyword":     {"auditor a\n", 1, "must begin with"},
		"a keyword in capitals":  {"LOG " + log + "\n", 1, "must begin with"},
		"a carriage return":      {"log " + log + "\r\nquorum none\n", 1, "control character"},
		"a log's key as witness": {"witness a " + log + "\n", 1, "type 0x01"},
		"an ML-DSA-44 key, cut":  {"witness a " + pq.VKey()[:200] + "\n", 1, "verifier key"},
		"an ML-DSA-44 key's id":  {"log " + strings.Replace(pq.VKey(), "pq.test", "pr.test", 1) + "\n", 1, "key id"},
		"the same log twice, with another name": {good + "log " + testlog.New("other.test").Key + "\nlog " +
			cosign.Key(cosign.Ed25519, "third.test", keyOf(t, ownKey)) + "\nquorum none\n", 5, "occurs twice"},
		"one key under two names": {good + "witness c " + a.VKey() + "\nquorum none\n", 4, "would count twice"},
		"one key under two key names": {good + "witness c " + cosign.Key(cosign.Ed25519, "c.test",
			a.Key.Public().(ed25519.PublicKey)) + "\nquorum none\n", 4, "would count twice"},
		"a name twice": {good + "witness a " + testlog.NewCosigner("c").VKey() + "\nquorum none\n", 4,
			"is taken"},
		"a witness named none": {"witness none " + a.VKey() + "\n", 1, "is taken"},
		"a false key id": {"witness a " + strings.Replace(a.VKey(), "a.test", "z.test", 1) + "\n", 1,
			"key id does not match"},
		"a group before its members": {"group g all a\n", 1, "not defined above"},
		"a group of itself":          {good + "group g all g\n", 4, "not defined above"},
		"none in a group":            {good + "group g all none\n", 4, "not defined above"},
		"a group of nobody":          {good + "group g all\n", 4, "want group"},
		"a member twice":             {good + "group g 1 a a\n", 4, "already a member of a group"},
		"a member of two groups":     {good + "group g 1 a\ngroup h 1 a\n", 5, "already a member of a group"},
		"0 of 2":                     {good + "group g 0 a b\n", 4, "1 to 2"},
		"3 of 2":                     {good + "group g 3 a b\n", 4, "1 to 2"},
		"02 of 2":                    {good + "group g 02 a b\n", 4, "1 to 2"},
		"a quorum before its name": {"log " + log + "\nquorum a\nwitness a " + a.VKey() + "\n", 2,
			"not defined above"},
		"two urls": {"log " + log + " https://a https://b\n", 1, "want log"},
	} {
		_, err := cosign.ParsePolicy([]byte(c.text))
		var p *cosign.PolicyError
		if !errors.As(err, &p) || p.Line != c.line || !strings.Contains(p.Reason, c.says) {
			t.Errorf("%s: %v, want line %d saying %q", name, err, c.line, c.says)
		}
	}
	if _, err := cosign.ParsePolicy([]byte("# comment\n\n \t \n  " + strings.ReplaceAll(good, " ",
		" \t ") + "\tgroup g any a b \nquorum g\n")); err != nil {
		t.Errorf("comments, empty lines and white space: %v", err)
	}
}

// keyOf returns the public key in the parts of a verifier key.
func keyOf(t *testing.T, vkey []string) ed25519.PublicKey {
	raw, err := base64.StdEncoding.DecodeString(vkey[2])
	if err != nil {
		t.Fatal(err)
	}
	return raw[1:]
}

// TestPolicyAllows checks what C2SP tlog-policy allows although it looks odd.
func TestPolicyAllows(t *testing.T) {
	l := testlog.New(origin)
	own := cosign.Key(cosign.Ed25519, "self.test", keyOf(t, strings.SplitN(l.Key, "+", 3)))
	a, pq := testlog.NewCosigner("a.test"), testlog.NewPQCosigner(origin)
	unknown := "x.test+01020304+CQEB" // of a signature type that has no meaning yet
	signed := l.Checkpoint(0)
	head := proof.Checkpoint{Origin: origin, Root: l.Root(0)}
	both := string(signed) + pq.Line(head, 7)
	for name, c := range map[string]struct {
		policy string
		signed string
		opens  bool
		counts int // cosignatures that are good
	}{
		"a log by either of two keys": {"log " + l.Key + "\nlog " + pq.VKey() + "\nquorum none\n", string(signed), true, 0},
		"and by both":                 {"log " + l.Key + "\nlog " + pq.VKey() + "\nquorum none\n", both, true, 0},
		"two keys, one line forged": {"log " + l.Key + "\nlog " + pq.VKey() + "\nquorum none\n",
			string(signed) + pq.Line(proof.Checkpoint{Origin: origin, Size: 1}, 7), false, 0},
		"a log by its ML-DSA-44 key alone": {"log " + pq.VKey() + "\nquorum none\n", both, true, 0},
		"which did not sign":               {"log " + pq.VKey() + "\nquorum none\n", string(signed), false, 0},
		"a log that signs without a time":  {"log " + pq.VKey() + "\nquorum none\n", string(signed) + pq.Line(head, 0), true, 0},
		"two Ed25519 keys of one log": {"log " + testlog.New(origin).Key + "\nlog " + l.Key + "\nquorum none\n",
			string(signed), true, 0},
		"a log that signs as Ed25519 cosigners do": {"log " + cosign.Key(cosign.Ed25519, origin,
			a.Key.Public().(ed25519.PublicKey)) + "\nquorum none\n", string(signed), false, 0},
		"a log of an unknown algorithm": {"log " + strings.Replace(unknown, "x.test", origin, 1) + "\nquorum none\n", both, false, 0},
		"a log with a name that ours cannot have": {"log " + l.Key + "\nlog " +
			testlogKey("Größe.test/ß") + "\nquorum none\n", string(signed), true, 0},
		"the log as its witness":           {"log " + l.Key + "\nwitness self " + own + "\nquorum self\n", string(signed), true, 0},
		"a witness by the log's other key": {"log " + l.Key + "\nwitness pq " + pq.VKey() + "\nquorum pq\n", both, true, 1},
		"an unknown algorithm": {"log " + l.Key + "\nwitness x " + unknown + "\nwitness a " + a.VKey() +
			"\ngroup g any x a\nquorum g\n", string(signed) + a.Line(head, 7) + "— x.test AQIDBAEBAQEB\n", true, 1},
	} {
		p, err := cosign.ParsePolicy([]byte(c.policy))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = proof.OpenCheckpoint([]byte(c.signed), p.Logs[0].Verifiers...)
		if (err == nil) != c.opens {
			t.Errorf("%s: %v", name, err)
		}
		good, bad := cosign.Read([]byte(c.signed), head, p.Cosigners)
		if len(good) != c.counts || len(bad) > 0 {
			t.Errorf("%s: good %v, bad %v", name, good, bad)
		}
		if c.counts > 0 {
			if _, ok := p.Quorum().AsOf(good); !ok {
				t.Errorf("%s: the quorum is not reached", name)
			}
		}
	}
}

// testlogKey returns the verifier key of a log whose name is not an origin of ours.
func testlogKey(name string) string {
	_, vkey, err := note.GenerateKey(nil, name)
	if err != nil {
		panic(err)
	}
	return vkey
}

// TestGroups checks the time of nested groups, which no minority can move.
func TestGroups(t *testing.T) {
	text := "log " + testlog.New(origin).Key + "\n"
	for i := range 3 {
		for _, g := range "xy" {
			c := testlog.NewCosigner(fmt.Sprintf("%c%d.test", g, i))
			text += fmt.Sprintf("witness %c%d %s\n", g, i, c.VKey())
		}
	}
	text += "group X 2 x0 x1 x2\ngroup Y any y0 y1 y2\ngroup both all X Y\n"
	for name, c := range map[string]struct {
		quorum string
		signed map[string]int64 // name in the policy -> time
		want   int64            // 0: the quorum is not reached
	}{
		"nobody":               {"both", nil, 0},
		"one of X and Y":       {"both", map[string]int64{"x0": 1, "y0": 1}, 0},
		"two of X, none of Y":  {"both", map[string]int64{"x0": 1, "x1": 1}, 0},
		"enough":               {"both", map[string]int64{"x0": 9, "x1": 7, "y1": 8}, 7},
		"old ones do not hold": {"both", map[string]int64{"x0": 9, "x1": 7, "x2": 1, "y0": 2, "y1": 8}, 7},
		"a single cosigner":    {"x2", map[string]int64{"x2": 3, "x1": 9}, 3},
		"another":              {"x2", map[string]int64{"x1": 9}, 0},
		"a stranger":           {"Y", map[string]int64{"stranger": 9}, 0},
	} {
		p, err := cosign.ParsePolicy([]byte(text + "quorum " + c.quorum + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		var sigs []cosign.Cosignature
		var names []string
		for _, w := range p.Cosigners {
			if at := c.signed[w.Name]; at > 0 {
				sigs = append(sigs, cosign.Cosignature{By: w, Time: time.Unix(1, 0)},
					cosign.Cosignature{By: w, Time: time.Unix(at, 0)}, cosign.Cosignature{By: w, Time: time.Unix(1, 0)})
			}
		}
		for n := range c.signed {
			names = append(names, n)
		}
		at, ok := p.Quorum().AsOf(sigs)
		if ok != (c.want > 0) || ok && at.Unix() != c.want {
			t.Errorf("%s: %v, as of %d, want %d", name, ok, at.Unix(), c.want)
		}
		if p.Reached(names) != ok {
			t.Errorf("%s: by name it is reached: %v", name, !ok)
		}
	}
	nobody, err := cosign.ParsePolicy([]byte(text + "quorum none\n"))
	if err != nil || !nobody.AsksNobody() || nobody.Quorum() != nil || !nobody.Reached(nil) {
		t.Errorf("quorum none: %v", err)
	}
	if x := nobody.Group("X"); x == nil || len(x.Cosigners()) != 3 || x.Want() != "2 of 3 of X (x0, x1, x2)" || nobody.Group("Z") != nil {
		t.Error("a group is not found by its name")
	}
}

// FuzzParsePolicy checks that ParsePolicy does not panic, and that an accepted policy has a log and
// a quorum that can be used.
func FuzzParsePolicy(f *testing.F) {
	log := testlog.New(origin).Key
	a, b := testlog.NewCosigner("a.test"), testlog.NewCosigner("b.test")
	f.Add(testlog.Policy(log, 1, []*testlog.Cosigner{a}, []*testlog.Cosigner{b}))
	f.Add([]byte("log " + log + " https://x\nquorum none\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := cosign.ParsePolicy(data)
		if err != nil {
			var e *cosign.PolicyError
			if !errors.As(err, &e) {
				t.Errorf("%T", err)
			}
			return
		}
		if len(p.Logs) == 0 || !p.AsksNobody() && (p.Reached(nil) || len(p.Quorum().Cosigners()) == 0) {
			t.Errorf("a policy of no log, or met by nobody: %q", data)
		}
		var all []string
		for _, c := range p.Cosigners {
			all = append(all, c.Name)
			if again, err := cosign.New(c.Name, c.VKey); err != nil || again.KeyName != c.KeyName {
				t.Errorf("%q is taken and read otherwise: %v", c.VKey, err)
			}
		}
		if !p.Reached(all) {
			t.Errorf("all cosigned, and the quorum is not reached: %q", data)
		}
	})
}
