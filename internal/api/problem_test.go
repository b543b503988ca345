package api

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/testlines"
	"igledger/ledger"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

var update = flag.Bool("update", false, "write docs/PROBLEMS.md and the examples")

// A code that packages wire or register gain must get a status and a remedy here.
func TestEveryCodeOfEntryIsAProblem(t *testing.T) {
	found := 0
	seen := func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		switch t := v.Type.(type) {
		case *ast.Ident:
			if t.Name != "Code" {
				return true
			}
		case *ast.SelectorExpr:
			if t.Sel.Name != "Code" {
				return true
			}
		default:
			return true
		}
		code, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		found++
		if _, ok := problems[code]; !ok {
			t.Errorf("%s (%s) is not in the table of problems", v.Names[0].Name, code)
		}
		return true
	}
	for _, name := range []string{"wire/errors.go", "register/rules.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), "../../ledger/"+name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, seen)
	}
	if found < 30 {
		t.Errorf("found %d codes in packages wire and register", found)
	}
	if n := len(problems); n != found+len(problems)-len(entryCodes())-1 { // too-large is both
		t.Errorf("%d problems, %d codes of entry, %d taken for entry's", n, found, len(entryCodes()))
	}
}

func TestWhatErrorsBecome(t *testing.T) {
	own := &wire.Error{Code: wire.BadSignature, What: "signature", Detail: "does not verify"}
	for _, c := range []struct {
		name   string
		err    error
		code   string
		detail string
		after  string
	}{
		{"of the caller's entry", ownFault(own), "bad-signature", "signature: does not verify", ""},
		{"of a stored entry", ownFault(fmt.Errorf("register entry 5: %w", own)), "internal", "", ""},
		{"of the ledger, unknown", errors.New("chi:0101011237 went wrong"), "internal", "", ""},
		{"conflict", ledger.ErrConflict, "conflict", "", ""},
		{"future", ledger.ErrFuture, "future", "", ""},
		{"erased", fmt.Errorf("entry 7: %w", ledger.ErrErased), "erased", "", ""},
		{"not found", fmt.Errorf("reading entry 7: %w", ledger.ErrNotFound), "not-found", "", ""},
		{"busy for long", &ledger.BusyError{RetryAfter: 2500 * time.Millisecond}, "busy", "", "3"},
		{"busy for a moment", &ledger.BusyError{RetryAfter: time.Millisecond}, "busy", "", "1"},
		{"shutting down", ledger.ErrClosed, "shutting-down", "", "1"},
		{"database away", fmt.Errorf("append: %w", storage.ErrUnavailable), "database-unreachable", "", "1"},
		{
			"disk full", fmt.Errorf("append: %w", storage.ErrFull), "disk-full",
			"there is no room on a disk of the server or of its database", "1",
		},
		{
			"record's disk full", fmt.Errorf("%w: %w: /keys/signing-record", ledger.ErrRecord, ledger.ErrFull), "disk-full",
			"there is no room on a disk of the server or of its database", "1",
		},
		{
			"other keys", fmt.Errorf("%w: %w: /keys/signing-record", ledger.ErrRecord, ledger.ErrKeys), "key-mismatch",
			"a key in the operator's folder of keys does not fit the log", "1",
		},
		{"stopped", fmt.Errorf("append: %w", &ledger.StoppedError{Reason: "the log went back"}), "stopped", "the log went back", "1"},
		{
			"record missing", fmt.Errorf("append: %w: /keys/signing-record", ledger.ErrNoRecord), "signing-record",
			"the signing record is missing", "1",
		},
		{
			"record away", fmt.Errorf("%w: /keys/signing-record", ledger.ErrRecord), "signing-record",
			"the signing record cannot be read or written", "1",
		},
		{"frozen", fmt.Errorf("append: %w", storage.ErrFrozen), "frozen", "the log is frozen", "1"},
		{"caller gone", fmt.Errorf("waiting: %w", context.Canceled), "unavailable", "", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{TB: t, lines: new(testlines.Buffer)}
			rec := httptest.NewRecorder()
			a := &api{logger: w.logger()}
			a.fail(rec, "/x", c.err, false)
			r := reply{rec.Result(), rec.Body.Bytes()}
			r.Request = httptest.NewRequest("GET", "/none", nil)
			if got := r.problem(t); got != c.code || r.Header.Get("Retry-After") != c.after {
				t.Errorf("%s with Retry-After %q, want %s with %q", got, r.Header.Get("Retry-After"), c.code, c.after)
			}
			if got := notReady(c.err); strings.Contains(got.detail, "/keys") || c.detail != "" && passing[c.code] && c.code != stopped &&
				got.detail != c.detail {
				t.Errorf("not ready: %q, want %q", got.detail, c.detail)
			}
			if got := refusalOf(c.err).problem().Detail; got != c.detail {
				t.Errorf("detail %q, want %q", got, c.detail)
			}
		})
	}
}

func TestProblemsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Problems

Every refusal of the API is a problem (RFC 9457, ` + "`application/problem+json`" + `).
It has the members ` + "`type`, `title`, `status` and, where it helps, `detail`" + `.
The type is ` + "`" + client.ProblemPrefix + "<code>`" + `.
Code, status and meaning do not change. Titles and details are for people and may change.
No problem contains personal data.

In a list of entries, ` + "`results`" + ` has the problem of each refused entry.
A single refused entry answers with the status of its problem.
A 503 answer has ` + "`Retry-After`" + ` in seconds.
It is always safe to send the same entries again, because submission is idempotent by issuer and jti.

` + "`go test ./internal/api -run Documented -update`" + ` writes this table from the one that the server uses.

| Code | Status | What it is | What to do |
|---|---|---|---|
`)
	codes := slices.SortedFunc(maps.Keys(problems), func(x, y string) int {
		return cmp.Or(cmp.Compare(problems[x].status, problems[y].status), cmp.Compare(x, y))
	})
	for _, code := range codes {
		k := problems[code]
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", code, k.status, k.title, k.remedy)
		if k.title == "" || k.remedy == "" || strings.Contains(k.title+k.remedy, "|") {
			t.Errorf("%s: title or remedy is empty or breaks the table", code)
		}
	}
	golden(t, "../../docs/PROBLEMS.md", b.String())
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code says: run with -update", path)
	}
}
