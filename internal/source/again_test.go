package source_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/internal/testledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier/fetch/retry"
)

// adds up fails unless the summary says of each thing that was read what became of it.
func (w *world) addsUp(sum source.Summary, read int) {
	w.Helper()
	if sum.Events != read || sum.Known+sum.Taken+sum.Refused+sum.Waiting+sum.Unclear+sum.Unreadable != read {
		w.Errorf("%d were read, and the summary says %+v", read, sum)
	}
}

func newKey(t testing.TB) *wire.Signer {
	t.Helper()
	key, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (w *world) revoke(key *wire.Signer) {
	w.Helper()
	before := w.Size()
	w.Append(w.Admin("SRC"), &entry.KeyRevocation{Common: entry.Common{Issuer: "SRC", Audience: testledger.Origin}, Org: "SRC",
		KID: key.KID, Reason: "retired"})
	w.founded += w.Size() - before
}

func (w *world) addKey(org string, key *wire.Signer) {
	w.Helper()
	before := w.Size()
	w.AddKey(org, key, entry.PurposeSubmit)
	w.founded += w.Size() - before
}

func (w *world) list() *source.Contents {
	w.Helper()
	c, err := source.List(w.Context(), w.config.Outbox)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// Entries that were signed with a key that the ledger refuses wait, are listed, and are signed anew
// under the same numbers. Those of a good key are sent meanwhile.
func TestKeysThatAreRefused(t *testing.T) {
	for name, bad := range map[string]func(w *world) (key *wire.Signer, code wire.Code){
		"a wrong file": func(*world) (*wire.Signer, wire.Code) { return newKey(t), wire.UnknownKey },
		"revoked": func(w *world) (*wire.Signer, wire.Code) {
			key := newKey(t)
			w.addKey("SRC", key)
			w.revoke(key)
			return key, wire.RevokedKey
		},
		"of another organisation": func(w *world) (*wire.Signer, wire.Code) {
			before := w.Size()
			key := w.Enrol("OTHER", []entry.Role{entry.RoleController, entry.RoleSource}, entry.PurposeSubmit)
			w.founded += w.Size() - before
			return key, wire.WrongIssuer
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			good := w.config.Signer
			w.imports(events(1))
			key, code := bad(w)
			w.config.Signer = key
			sum, err := w.open().Import(t.Context(), events(4))
			var no *source.RefusedError
			if !errors.As(err, &no) || !no.OfKey() || no.Seq != 2 || no.Held != 0 || no.Problem.Code() != string(code) {
				t.Fatalf("%v", err)
			}
			w.addsUp(sum, 4)
			if sum.Known != 1 || sum.Waiting != 3 || sum.Outbox != 3 {
				t.Errorf("%+v", sum)
			}
			c := w.list()
			if len(c.Items) != 1 || c.Refused != 3 || c.Waiting != 3 || c.Last != 4 {
				t.Fatalf("%+v", c)
			}
			if i := c.Items[0]; i.First != 2 || i.Last != 4 || i.State != source.IsHeld || i.KID != key.KID || i.Says == "" ||
				i.Problem != client.ProblemPrefix+string(code) || i.Since == "" || i.At == "" {
				t.Errorf("%+v", i)
			}

			w.config.Signer = good // they block nothing
			sum, err = w.open().Import(t.Context(), events(6))
			if !errors.As(err, &no) || no.Held != 3 || no.Seq != 2 {
				t.Fatalf("%v", err)
			}
			w.addsUp(sum, 6)
			if sum.Known != 4 || sum.Taken != 2 || sum.Logged != 2 || sum.Outbox != 3 {
				t.Errorf("%+v", sum)
			}
			w.logged(3)

			r, err := w.open().Retry(t.Context())
			if err != nil || r != (source.Retried{Signed: 3, Logged: 3}) {
				t.Errorf("%+v, %v", r, err)
			}
			w.logged(6)
			w.noGaps(6)
			if c := w.list(); len(c.Items) > 0 || c.Waiting > 0 {
				t.Errorf("%+v", c)
			}
			if r, err := w.open().Retry(t.Context()); err != nil || r != (source.Retried{}) {
				t.Errorf("again: %+v, %v", r, err)
			}
		})
	}
}

// A key that is revoked while an import runs stops nothing but itself, and a number that is chosen
// is signed anew alone.
func TestKeyRevokedMidStream(t *testing.T) {
	w := newWorld(t)
	w.config.Batch = 2
	first, second := w.config.Signer, newKey(t)
	w.addKey("SRC", second)
	posts := 0
	w.Through(submissions(func(rw http.ResponseWriter, r *http.Request, ledger http.Handler) {
		if posts++; posts == 2 {
			w.revoke(first)
		}
		ledger.ServeHTTP(rw, r)
	}))
	sum, err := w.open().Import(t.Context(), events(7))
	var no *source.RefusedError
	if !errors.As(err, &no) || no.Problem.Code() != string(wire.RevokedKey) || sum.Logged != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	w.Through(nil)
	w.config.Signer = second
	if r, err := w.open().Retry(t.Context(), 4); !errors.As(err, &no) || r.Signed != 1 || r.Logged != 1 || r.Outbox == 0 {
		t.Errorf("one number: %+v, %v", r, err)
	}
	var none *source.NumberError
	for _, n := range []uint64{1, 4, 99} {
		if _, err := w.open().Retry(t.Context(), n); !errors.As(err, &none) || none.Seq != n {
			t.Errorf("number %d: %v", n, err)
		}
	}
	if r, err := w.open().Retry(t.Context()); err != nil || r.Outbox != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	sum = w.imports(events(7))
	w.addsUp(sum, 7)
	w.logged(7)
	w.noGaps(7)
}

// If the log has the entry as it was signed first, although the ledger said that it refused, then
// it takes no second one.
func TestSignedAnewAlthoughItIsInTheLog(t *testing.T) {
	for name, do := range map[string]func(*source.Agent) error{
		"retry": func(a *source.Agent) error { _, err := a.Retry(t.Context()); return err },
		"drop": func(a *source.Agent) error {
			out, err := a.SetAside(t.Context(), 2)
			if err == nil && (!out.Itself || out.Index == nil) {
				t.Errorf("set aside: %+v", out)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			second := newKey(t)
			w.addKey("SRC", second)
			w.Through(altered(func(r []client.Result) {
				r[1] = client.Result{Status: client.Refused, Problem: &client.Problem{Type: client.ProblemPrefix + "revoked-key", Status: 403}}
			}))
			if _, err := w.open().Import(t.Context(), events(3)); err == nil {
				t.Fatal("nothing was refused")
			}
			if name == "retry" { // the first key is refused once more, so that the entry is signed anew
				n := 0
				w.Through(submissions(func(rw http.ResponseWriter, r *http.Request, ledger http.Handler) {
					if n++; n == 1 {
						rw.Header().Set("Content-Type", "application/problem+json")
						rw.WriteHeader(http.StatusForbidden)
						io.WriteString(rw, `{"type":"urn:igledger:problem:revoked-key","title":"The key was revoked","status":403}`)
						return
					}
					ledger.ServeHTTP(rw, r)
				}))
			} else {
				w.Through(nil)
			}
			w.config.Signer = second
			if err := do(w.open()); err != nil {
				t.Fatal(err)
			}
			w.logged(3)
			w.noGaps(3)
			if c := w.list(); len(c.Items) > 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// What is set aside leaves a mark under its number, and stays in the outbox.
func TestSetAside(t *testing.T) {
	w := newWorld(t)
	good := w.config.Signer
	w.config.Signer = newKey(t)
	if _, err := w.open().Import(t.Context(), events(3)); err == nil {
		t.Fatal("nothing was refused")
	}
	var no *source.RefusedError
	if _, err := w.open().SetAside(t.Context(), 2); !errors.As(err, &no) { // the key is wrong still
		t.Errorf("%v", err)
	}
	if c := w.list(); len(c.Items) != 3 || c.Items[1].State != source.AsideDue || c.SetAside != 1 {
		t.Errorf("%+v", c)
	}
	w.config.Signer = good
	if r, err := w.open().Retry(t.Context()); err != nil || r.Signed != 3 || r.Outbox != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.logged(3)
	w.noGaps(3)
	mark := w.numbered(2)
	if mark.Sub != entry.RegSources || !mark.Foreign || !strings.Contains(string(mark.FHIR), `"={refused/set-aside}"`) {
		t.Errorf("the mark: %+v, %s", mark, mark.FHIR)
	}
	c := w.list()
	if len(c.Items) != 1 || c.Items[0].State != source.IsAside || c.Items[0].First != 2 || c.Items[0].Index == nil || c.Waiting != 0 {
		t.Errorf("%+v", c)
	}
	kept, err := source.KeptOriginal(t.Context(), w.config.Outbox, "", 2)
	if err != nil || !strings.Contains(string(kept), "p1") {
		t.Errorf("kept %s, %v", kept, err)
	}
	var none *source.NumberError
	if _, err := w.open().SetAside(t.Context(), 2); !errors.As(err, &none) {
		t.Errorf("twice: %v", err)
	}
	if sum := w.imports(events(3)); sum.Known != 3 {
		t.Errorf("again: %+v", sum)
	}
	w.logged(3)
}

// A heartbeat that was signed with a refused key is signed anew, with the same statement.
func TestHeartbeatSignedAnew(t *testing.T) {
	w := newWorld(t)
	w.config.Now = func() time.Time { return time.Now().AddDate(0, 0, -1) }
	w.imports(events(2))
	w.config.Now = nil
	good := w.config.Signer
	w.config.Signer = newKey(t)
	var no *source.RefusedError
	for range 2 {
		if _, err := w.open().Heartbeats(t.Context(), time.Hour); !errors.As(err, &no) || !no.OfKey() {
			t.Fatalf("%v", err)
		}
	}
	if c := w.list(); len(c.Items) != 1 || c.Items[0].Day == "" || c.Items[0].State != source.IsHeld {
		t.Errorf("%+v", c)
	}
	w.config.Signer = good
	if _, err := w.open().Heartbeats(t.Context(), time.Hour); !errors.As(err, &no) || !no.OfKey() {
		t.Errorf("it is not what was signed: %v", err)
	}
	if r, err := w.open().Retry(t.Context()); err != nil || r.Heartbeats != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.logged(4)
	if list, err := w.open().Heartbeats(t.Context(), time.Hour); err != nil || len(list) > 0 || len(w.list().Items) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// An import from a server that is not there reads everything into the outbox and gives up. The next
// one sends it, and both count everything.
func TestNoServer(t *testing.T) {
	w := newWorld(t)
	w.config.Batch = 2
	away := httptest.NewServer(nil)
	here := w.config.Client
	w.config.Client = &client.Client{Base: away.URL, MaxWait: time.Nanosecond}
	away.Close()
	for _, read := range []int{5, 7} {
		sum, err := w.open().Import(t.Context(), events(read))
		var gone *retry.GaveUpError
		if !errors.As(err, &gone) || !source.Away(err) {
			t.Fatalf("%v", err)
		}
		w.addsUp(sum, read)
		if sum.Outbox != read || sum.Waiting != read-sum.Known || sum.Logged != 0 {
			t.Errorf("%+v", sum)
		}
	}
	if _, err := w.open().Heartbeats(t.Context(), time.Hour); !source.Away(err) {
		t.Errorf("heartbeats: %v", err)
	}
	if _, err := w.open().Retry(t.Context()); !source.Away(err) {
		t.Errorf("retry: %v", err)
	}
	w.config.Client = here
	sum := w.imports(events(8))
	w.addsUp(sum, 8)
	if sum.Known != 7 || sum.Taken != 1 || sum.Logged != 8 || sum.Outbox != 0 {
		t.Errorf("%+v", sum)
	}
	w.logged(8)
	w.noGaps(8)
}

// Who waits for another command that sends from the same outbox says so, and gives up, too.
func TestAnotherCommandHasTheOutbox(t *testing.T) {
	w := newWorld(t)
	a := w.open()
	db, err := sql.Open("sqlite", "file:"+w.config.Outbox+".lock?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	a.Client.MaxWait = time.Nanosecond
	sum, err := a.Import(t.Context(), events(3))
	if !source.Away(err) || !strings.Contains(err.Error(), "another command") || sum.Waiting != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	var said []error
	a.Client.MaxWait = 0
	a.Client.OnRetry = func(err error, _ time.Duration) {
		if said = append(said, err); len(said) == 1 {
			other.Rollback()
		}
	}
	if sum, err := a.Import(t.Context(), events(3)); err != nil || sum.Known != 3 || sum.Logged != 3 || len(said) != 1 {
		t.Errorf("%+v, %v, said %v", sum, err, said)
	}
}

// A resume counts everything, whatever the outbox had.
func TestCountsAfterAnInterruption(t *testing.T) {
	w := newWorld(t)
	w.config.Batch = 2
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := 0
	w.Through(submissions(func(rw http.ResponseWriter, r *http.Request, ledger http.Handler) {
		if n++; n == 2 {
			stop()
		}
		ledger.ServeHTTP(rw, r)
	}))
	mixed := func() source.Input {
		in := events(7)
		late := text("", event("late", "2090-01-01T00:00:00Z")+`{"resourceType":"AuditEvent","id":"bad","entity":7}`+"\n")
		return source.Input{Name: "mixed", Open: func() (io.ReadCloser, error) {
			a, _ := in.Open()
			b, _ := late.Open()
			return io.NopCloser(io.MultiReader(a, b)), nil
		}}
	}
	sum, err := w.open().Import(ctx, mixed())
	if err == nil {
		t.Fatal("not interrupted")
	}
	w.addsUp(sum, sum.Events)
	w.Through(nil)
	then := w.imports(mixed())
	w.addsUp(then, 9)
	if then.Unreadable != 1 || then.Plainer != 1 || sum.Logged+then.Logged < 6 {
		t.Errorf("%+v, then %+v", sum, then)
	}
	w.logged(8)
	w.noGaps(8)
	last := w.imports(mixed())
	w.addsUp(last, 9)
	if last.Known != 8 {
		t.Errorf("%+v", last)
	}
}

// Strict keeps out what is not wholly understood, and takes it when the mapping knows it.
func TestStrict(t *testing.T) {
	w := newWorld(t)
	w.config.Strict = true
	sum := w.imports(events(2), text("nobody", strings.Replace(event("n", "2026-11-01T10:00:00Z"), `"entity":[`, `"x":[`, 1)))
	w.addsUp(sum, 3)
	if sum.Unclear != 3 || len(w.rejects) != 3 || !source.IsUnclear(w.rejects[0]) {
		t.Errorf("%+v, %v", sum, w.rejects)
	}
	w.logged(0)
	w.config.Strict = false
	if sum := w.imports(events(2)); sum.Taken != 2 {
		t.Errorf("%+v", sum)
	}
	w.noGaps(2)
}
