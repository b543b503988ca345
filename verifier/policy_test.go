package verifier_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/verifier"
	"igledger/verifier/testlog"
)

func TestParsePolicyRefuses(t *testing.T) {
	log := testlog.New(origin).Key
	a, b := testlog.NewCosigner("a.test"), testlog.NewCosigner("b.test")
	good := "log " + log + "\nwitness a " + a.VKey() + "\nwitness b " + b.VKey() + " https://b.test/\n"
	ownKey := strings.SplitN(log, "+", 3)
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"empty":                       {"", 0, "cut short"},
		"cut short":                   {"log " + log + "\nquorum none", 0, "cut short"},
		"no quorum":                   {good, 0, "0 quorum lines"},
		"two quorums":                 {good + "quorum a\nquorum none\n", 0, "2 quorum lines"},
		"no log":                      {"quorum none\n", 0, "no log line"},
		"the same log twice":          {good + "log " + log + "\nquorum none\n", 4, "same log"},
		"an unknown keyword":          {"auditor a\n", 1, "begins with none of"},
		"a keyword in capitals":       {"LOG " + log + "\n", 1, "begins with none of"},
		"a carriage return":           {"log " + log + "\r\nquorum none\n", 1, "control character"},
		"a log's key as witness":      {"witness a " + log + "\n", 1, "type 0x01"},
		"a witness's key as log":      {"log " + a.VKey() + "\n", 1, "verifier key"},
		"one key under two names":     {good + "witness c " + a.VKey() + "\nquorum none\n", 4, "would count twice"},
		"one key under two key names": {good + "witness c " + verifier.CosignerKey("c.test", a.Key.Public().(ed25519.PublicKey)) + "\nquorum none\n", 4, "would count twice"},
		"a name twice":                {good + "witness a " + testlog.NewCosigner("c").VKey() + "\nquorum none\n", 4, "is taken"},
		"a witness named none":        {"witness none " + a.VKey() + "\n", 1, "is taken"},
		"a false key id":              {"witness a " + strings.Replace(a.VKey(), "a.test", "z.test", 1) + "\n", 1, "key id does not belong"},
		"a group before its members":  {"group g all a\n", 1, "not defined above"},
		"a group of itself":           {good + "group g all g\n", 4, "not defined above"},
		"none in a group":             {good + "group g all none\n", 4, "not defined above"},
		"a group of nobody":           {good + "group g all\n", 4, "want group"},
		"a member twice":              {good + "group g 1 a a\n", 4, "member of a group already"},
		"a member of two groups":      {good + "group g 1 a\ngroup h 1 a\n", 5, "member of a group already"},
		"0 of 2":                      {good + "group g 0 a b\n", 4, "1 to 2"},
		"3 of 2":                      {good + "group g 3 a b\n", 4, "1 to 2"},
		"02 of 2":                     {good + "group g 02 a b\n", 4, "1 to 2"},
		"a quorum before its name":    {"log " + log + "\nquorum a\nwitness a " + a.VKey() + "\n", 2, "not defined above"},
		"two urls":                    {"log " + log + " https://a https://b\n", 1, "want log"},
		"the log as its witness":      {"log " + log + "\nwitness self " + selfWitness(t, ownKey) + "\n", 2, "the log itself"},
	} {
		_, err := verifier.ParsePolicy([]byte(c.text))
		var p *verifier.PolicyError
		if !errors.As(err, &p) || p.Line != c.line || !strings.Contains(p.Reason, c.says) {
			t.Errorf("%s: %v, want line %d saying %q", name, err, c.line, c.says)
		}
	}
	if _, err := verifier.ParsePolicy([]byte("# comment\n\n \t \n  " + strings.ReplaceAll(good, " ", " \t ") + "\tgroup g any a b \nquorum g\n")); err != nil {
		t.Errorf("comments, empty lines and white space: %v", err)
	}
}

// selfWitness writes a log's own key as a cosigner's.
func selfWitness(t *testing.T, logKey []string) string {
	raw := decodeStd(t, logKey[2])
	return verifier.CosignerKey("self.test", ed25519.PublicKey(raw[1:]))
}

// TestQuorums counts nested groups, and takes as the age the time at which the quorum stood, which no minority can move.
func TestQuorums(t *testing.T) {
	w := newWorld(t)
	var x, y []*testlog.Cosigner
	text := "log " + w.Key + "\n"
	for i := range 3 {
		x, y = append(x, testlog.NewCosigner(fmt.Sprintf("x%d", i))), append(y, testlog.NewCosigner(fmt.Sprintf("y%d", i)))
		text += fmt.Sprintf("witness x%d %s\nwitness y%d %s\n", i, x[i].VKey(), i, y[i].VKey())
	}
	text += "group X 2 x0 x1 x2\ngroup Y any y0 y1 y2\ngroup both all X Y\nquorum both\n"
	p, err := verifier.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	hour := func(c *testlog.Cosigner, h int64) func(entry.Checkpoint) string {
		return func(head entry.Checkpoint) string { return c.Line(head, testlog.Now+3600*h) }
	}
	type lines []func(entry.Checkpoint) string
	for name, c := range map[string]struct {
		lines lines
		hour  int64 // -1: no quorum
	}{
		"nobody":                {nil, -1},
		"one of X and Y":        {lines{hour(x[0], 1), hour(y[0], 1)}, -1},
		"two of X, none of Y":   {lines{hour(x[0], 1), hour(x[1], 1)}, -1},
		"one of X twice":        {lines{hour(x[0], 1), hour(x[0], 2), hour(y[0], 1)}, -1},
		"enough":                {lines{hour(x[0], 5), hour(x[2], 5), hour(y[1], 5)}, 5},
		"as old as the quorum":  {lines{hour(x[0], 9), hour(x[1], 7), hour(y[1], 8)}, 7},
		"old ones do not count": {lines{hour(x[0], 9), hour(x[1], 7), hour(x[2], 1), hour(y[1], 8), hour(y[0], 2)}, 7},
		"the latest of one":     {lines{hour(x[0], 1), hour(x[0], 9), hour(x[1], 8), hour(y[1], 8)}, 8},
	} {
		l := w.log()
		claim := w.indexed(l)
		size := l.Size()
		signed := string(l.Checkpoint(size))
		for _, line := range c.lines {
			signed += line(entry.Checkpoint{Origin: origin, Size: size, Root: l.Root(size)})
		}
		claim.Checkpoint = []byte(signed)
		r := verifier.CheckStatement(verifier.StatementEvidence{Statement: testlog.StatementJSON(l.Statement(claim)), Policy: p, ID: w.me(), Now: time.Unix(testlog.Now+3600*10, 0)})
		if c.hour < 0 {
			if !isFailure(r.Err(), verifier.CheckQuorum) || r.Authentic {
				t.Errorf("%s: %v", name, r.Err())
			}
		} else if r.Err() != nil || !r.AsOf.Equal(time.Unix(testlog.Now+3600*c.hour, 0)) || !strings.Contains(r.Lines.Complete, "BY THE OPERATOR'S WORD ALONE") {
			t.Errorf("%s: %v, as of %s, %q", name, r.Err(), r.AsOf, r.Lines.Complete) // a group X is not called auditors
		}
	}
}

// TestCosignIsThatOfTheSpecification: what package verifier writes is what testlog, written apart, writes.
func TestCosignIsThatOfTheSpecification(t *testing.T) {
	c := testlog.NewCosigner("witness.test/w")
	head := entry.Checkpoint{Origin: origin, Size: 7, Root: entry.Hash{7}}
	if a, b := verifier.Cosign(c.Name, c.Key, head, time.Unix(testlog.Now, 0)), c.Line(head, testlog.Now); a != b {
		t.Errorf("%q and %q", a, b)
	}
	if a, b := verifier.CosignerKey(c.Name, c.Key.Public().(ed25519.PublicKey)), c.VKey(); a != b {
		t.Errorf("%q and %q", a, b)
	}
}
