package verifier_test

import (
	"fmt"
	"slices"
	"strings"

	"igledger/internal/oracle"
	"igledger/internal/testlog"
	"igledger/ledger/proof"
	"igledger/verifier"
)

// judgeHead returns what package verifier finds in a checkpoint, as the oracle says it.
func judgeHead(in judgedIn) any {
	p, err := verifier.ParsePolicy([]byte(in.Policy))
	if err != nil {
		return oracle.HeadAnswer{First: "policy"}
	}
	var rep verifier.Report
	head := verifier.OpenHead(&rep, "", []byte(in.File), p, in.Now, 0)
	var a oracle.HeadAnswer
	if len(rep.Failures) > 0 {
		a.First = string(rep.Failures[0].Check)
	}
	if head == nil {
		return a
	}
	sigs := verifier.OpenCosignatures(&verifier.Report{}, []byte(in.File), head.Checkpoint, p.Cosigners, in.Now)
	for _, s := range sigs {
		a.Cosigned = append(a.Cosigned, s.By.Name)
		if p.AsksNobody() {
			a.AsOf = max(a.AsOf, uint64(s.Time.Unix()))
		}
	}
	slices.Sort(a.Cosigned)
	if quorum := p.Quorum(); quorum != nil {
		if at, ok := quorum.AsOf(sigs); ok {
			a.AsOf = uint64(at.Unix())
		}
	}
	return a
}

// judgedPolicies are checkpoints under policies, good ones and malformed ones.
func (w *world) judgedPolicies() (list []judged) {
	l := w.log()
	head := proof.Checkpoint{Origin: origin, Size: l.Size(), Root: l.Root(l.Size())}
	bare := string(l.Checkpoint(l.Size()))
	a, b, c := w.witnesses[0], w.witnesses[1], w.auditors[0]
	pq := testlog.NewPQCosigner("pq.test/w")
	line := func(by *testlog.Cosigner, after int64) string { return by.Line(head, testlog.Now+after) }
	note := bare + line(a, 0) + line(b, 60) + line(c, 30) + line(pq, 10)
	names := fmt.Sprintf("log %s\nwitness a %s\nwitness b %s\nwitness c %s\n", w.Key, a.VKey(), b.VKey(), c.VKey())
	add := func(name, file, policy string) {
		list = append(list, judged{Name: name, In: judgedIn{File: file, Policy: policy, Now: now.UTC()}})
	}
	for _, p := range [][2]string{
		{"good: one", "quorum a\n"},
		{"good: nobody", "quorum none\n"},
		{"good: all", "group g all a b c\nquorum g\n"},
		{"good: any", "group g any a b\nquorum g\n"},
		{"good: two of three: the time is the second latest", "group g 2 a b c\nquorum g\n"},
		{"good: nested", "group x 2 a b\ngroup g all x c\nquorum g\n"},
		{"good: comments, tabs, spaces and URLs", "# a comment\n\n \tgroup  g\tany a b \n  quorum g\n"},
		{"good: ML-DSA-44", "witness p " + pq.VKey() + "\nquorum p\n"},
		{"no quorum line", ""},
		{"two quorum lines", "quorum a\nquorum a\n"},
		{"a quorum that is not defined", "quorum x\n"},
		{"a quorum that is defined below", "quorum g\ngroup g any a\n"},
		{"a group of nobody", "group g any\nquorum g\n"},
		{"a group that needs none", "group g 0 a\nquorum g\n"},
		{"a group that needs more than it has", "group g 2 a\nquorum g\n"},
		{"a number with a leading zero", "group g 01 a b\nquorum g\n"},
		{"a group of itself", "group g any g\nquorum g\n"},
		{"one member twice", "group g any a a\nquorum g\n"},
		{"one member of two groups", "group x any a\ngroup y any a b\ngroup g all x y\nquorum g\n"},
		{"one name twice", "group a any b\nquorum a\n"},
		{"a group called none", "group none any a\nquorum a\n"},
		{"one key under two names", "witness d " + a.VKey() + "\nquorum a\n"},
		{"an unknown keyword", "mirror x y\nquorum a\n"},
		{"a key that is none", "witness d x+00000000+AA==\nquorum a\n"},
		{"a carriage return", "quorum a\r\n"},
	} {
		add(p[0], note, names+p[1])
	}
	add("no line of the witness", bare+line(b, 0), names+"quorum a\n")
	add("another's line under the name", bare+strings.Replace(line(b, 0), b.Name, a.Name, 1), names+"quorum a\n")
	add("a false line besides a good one", note+falsified(line(a, 1)), names+"quorum b\n")
	add("the time 0", bare+a.Line(head, 0), names+"quorum a\n")
	add("six minutes ahead", bare+line(a, 3600+360), names+"quorum a\n")
	add("an hour back, and again half an hour later", bare+line(a, -3600)+line(a, -1800), names+"quorum a\n")
	add("ML-DSA-44 without a time", bare+pq.Line(head, 0), names+"witness p "+pq.VKey()+"\nquorum p\n")
	add("ML-DSA-44 over another root", bare+pq.Line(proof.Checkpoint{Origin: origin, Size: l.Size()}, testlog.Now),
		names+"witness p "+pq.VKey()+"\nquorum p\n")
	add("another log's key", note, strings.Replace(names, w.Key, testlog.New(origin).Key, 1)+"quorum a\n")
	add("not signed", strings.SplitAfter(bare, "\n\n")[0], names+"quorum a\n")
	return list
}

// falsified changes the last bytes of a signature line.
func falsified(line string) string {
	at := len(line) - 8
	return line[:at] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, line[at:at+4]) + line[at+4:]
}
