package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testlog"
)

// rooted is a sample whose index covers all but its own root.
func rooted() *testlog.Sample {
	s := testlog.NewSampleOn(testlog.NewLag("ledger.test/2026", 20))
	s.AddIndexRoot()
	return s
}

// A good checkpoint is cosigned, and a later run reads only what is new.
func TestAuditCosignsWhatHolds(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	out, _ := s.once(0)
	if got := s.CosignedSizes(); !slices.Equal(got, []uint64{l.Size()}) {
		t.Errorf("cosigned %d, want %d", got, l.Size())
	}
	compareGolden(t, "testdata/audit-good.golden", strings.ReplaceAll(out, s.dir, "DIR"))
	before := l.Size()
	l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
	l.AddIndexRoot()
	s.Show(l.Log, l.Size())
	s.Change(func() { s.Asked = nil })
	out, _ = s.once(0, "--json")
	var rep report
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Result != "verified" || *rep.Log.Size != l.Size() {
		t.Errorf("--json: %v\n%s", err, out)
	}
	if got := s.CosignedSizes(); !slices.Equal(got, []uint64{l.Size()}) {
		t.Errorf("cosigned %d, want %d", got, l.Size())
	}
	if want := "v1/feed/" + string(testlog.JSON(before)); !slices.Contains(s.Asked, want) || slices.Contains(s.Asked, "v1/feed/0") {
		t.Errorf("asked for %v, want the feed from %d only", s.Asked, before)
	}
	checkNoID(t, "audit", l.IDs, out)
	state, err := os.ReadFile(filepath.Join(s.dir, "state", "state"))
	if err != nil {
		t.Fatal(err)
	}
	checkNoID(t, "the state file", l.IDs, string(state))
}

// An audit that passes and cannot deliver its cosignature says both; the next one sends it.
func TestAuditWhoseCosignatureIsNotTaken(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	for _, status := range []int{403, 500} {
		s.Change(func() { s.Refuse["/v1/cosignatures"] = status })
		out, _ := s.once(exitPartial)
		if !strings.Contains(out, "ok       index-root") || !strings.Contains(out, fmt.Sprintf("partial: the audit of size %d passed",
			l.Size())) {
			t.Errorf("%d:\n%s", status, out)
		}
		out, _ = s.once(exitPartial, "--json")
		var rep report
		if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Audit != "passed" || rep.Cosigned != "undelivered" ||
			rep.Exit != exitPartial {
			t.Errorf("%d: %v\n%s", status, err, out)
		}
	}
	s.Change(func() { clear(s.Refuse) })
	out, _ := s.once(exitGood, "--json")
	var rep report
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Audit != "passed" || rep.Cosigned != "delivered" {
		t.Errorf("%v\n%s", err, out)
	}
}

// Whoever may not do it is told so with the same exit code by every command, whether the ledger
// says it or a proxy before it.
func TestForbidden(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	for _, status := range []int{401, 403} {
		s.Change(func() { clear(s.Refuse); s.Refuse["/v1/feed"] = status })
		out, errOut := s.once(exitFailed, "--state", filepath.Join(t.TempDir(), "state"))
		if strings.Contains(out, "verified") || !strings.HasPrefix(errOut, "igverify: ") {
			t.Errorf("%d: %s%s", status, out, errOut)
		}
		s.Change(func() { clear(s.Refuse); s.Refuse["/checkpoint"] = status })
		for _, args := range [][]string{{"log"}, {"consistency", "--state", filepath.Join(t.TempDir(), "state")}} {
			code, out, errOut := igverify("", append(args, "--json", "--from", s.URL, "--log-key", l.Key)...)
			var rep report
			if err := json.Unmarshal([]byte(out), &rep); err != nil || code != exitFailed || rep.Result != "refused" || rep.Error == "" {
				t.Errorf("%d %v: exit code %d\n%s%s", status, args, code, out, errOut)
			}
		}
	}
}

// Without --key it checks and cosigns nothing.
func TestAuditWithoutKey(t *testing.T) {
	s := newLedgerServer(t, rooted().Log)
	args := slices.DeleteFunc(s.args("--once"), func(a string) bool { return a == "--key" || strings.HasSuffix(a, "audit.key") })
	if code, out, errOut := igverify("", args...); code != 0 || !strings.Contains(out, "not cosigned") || len(s.CosignedSizes()) > 0 {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}
}

// A wrong index root ends with exit code 1 and evidence, also when run again. The evidence proves
// that the operator signed the root, not that it is wrong: only a replay shows that, and the
// command says so.
func TestAuditAccuses(t *testing.T) {
	l := rooted()
	s := newLedgerServer(t, l.Log)
	s.once(0)
	s.CosignedSizes()
	l.AddSealed(l.Access("lothian", l.Second, l.IDs[0]), l.IDs[0])
	l.AddIndexRootOf(l.Size(), l.IndexAt(l.Size()-1).Root(), l.Operator) // the new access is not in it
	s.Show(l.Log, l.Size())
	const says = "FAILED   index-root"
	out, _ := s.once(1)
	if !strings.Contains(out, says) {
		t.Errorf("does not say %q:\n%s", says, out)
	}
	masked := regexp.MustCompile(`-[0-9a-f]{12}\.json`).ReplaceAllString(strings.ReplaceAll(out, s.dir, "DIR"), "-#.json")
	compareGolden(t, "testdata/audit-bad.golden", masked)
	files := s.evidence()
	if len(files) != 1 {
		t.Fatalf("evidence: %v", files)
	}
	const signed = "ok       inclusion"
	if code, out, _ := igverify("", "evidence", files[0], "--log-key", l.Key); code != exitFailed ||
		!strings.Contains(out, signed) || !strings.Contains(out, "recompute it from the entries") {
		t.Errorf("the evidence: exit code %d\n%s", code, out)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	checkNoID(t, "evidence", l.IDs, out+string(data))
	other := testlog.New("ledger.test/2026").Key
	if code, out, _ := igverify("", "evidence", files[0], "--log-key", other); code != exitFailed || strings.Contains(out, signed) {
		t.Errorf("the evidence accuses another log: exit code %d\n%s", code, out)
	}
	s.Change(func() { s.Asked = nil })
	out, _ = s.once(1)
	if !strings.Contains(out, says) || !strings.Contains(out, filepath.Join(s.dir, "state", "alarm")) || len(s.Asked) > 0 {
		t.Errorf("after a restart: asked %v\n%s", s.Asked, out)
	}
	if got := s.CosignedSizes(); len(got) > 0 {
		t.Errorf("cosigned %d after all", got)
	}
}

func TestAuditUsage(t *testing.T) {
	s := newLedgerServer(t, rooted().Log)
	for name, change := range map[string]func(args []string) []string{
		"no state": func(a []string) []string {
			return slices.Delete(a, slices.Index(a, "--state"), slices.Index(a, "--state")+2)
		},
		"no org": func(a []string) []string {
			return slices.Delete(a, slices.Index(a, "--org"), slices.Index(a, "--org")+2)
		},
		"interval 0": func(a []string) []string { return append(a, "--interval", "0s") },
		"short seed": func(a []string) []string { return append(a, "--seed", "5a") },
		"keys mixed": func(a []string) []string {
			a[slices.Index(a, "--key")+1] = filepath.Join(s.dir, "caller.jwk")
			return a
		},
		"keys mixed2": func(a []string) []string {
			a[slices.Index(a, "--caller-key")+1] = filepath.Join(s.dir, "audit.key")
			return a
		},
		"two URLs": func(a []string) []string { return append(a, s.URL) },
	} {
		if code, out, errOut := igverify("", change(s.args("--once"))...); code != exitUsage || out != "" || strings.Contains(errOut, "PRIVATE") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errOut)
		}
	}
	if len(s.Asked) > 0 {
		t.Errorf("asked the log for %v", s.Asked)
	}
}
