package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/audit/statement"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
	"igledger/verifier"
)

// believing serves the world's log under a policy of one auditor, w, and returns its key. The log
// ends in an index root.
func (w *world) believing() *cosign.Signer {
	w.Helper()
	seed := sha256.Sum256([]byte("witness"))
	key, err := cosign.NewSigner(cosign.Ed25519, "w.test", seed[:])
	w.ok(err)
	policy, err := cosign.ParsePolicy([]byte("log " + w.log.VerifierKey() + "\nwitness w " +
		key.VKey + "\nquorum w\n"))
	w.ok(err)
	w.log, err = ledger.Open(w.Context(), ledger.Config{Storage: w.store, Keys: w.keys, Origin: origin,
		Policy: policy, Logger: w.logger(), Rules: consent.New()})
	w.ok(err)
	w.Cleanup(func() { w.log.Close(context.Background()) })
	index, err := statement.New(statement.Config{Log: w.log})
	w.ok(err)
	w.ok(index.Step(w.Context()))
	w.server = httptest.NewServer(w.handler())
	w.Cleanup(w.server.Close)
	return key
}

func (w *world) line(by *cosign.Signer, c proof.Checkpoint, at time.Time) string {
	w.Helper()
	line, err := by.Sign(c, at)
	w.ok(err)
	return line
}

func (w *world) info() (i client.LogInfo) {
	w.Helper()
	w.ok(json.Unmarshal(w.do("GET", "/v1/log", "").body, &i))
	return i
}

func (w *world) open(note string) proof.Checkpoint {
	w.Helper()
	v, err := wire.NewLogVerifier(w.log.VerifierKey())
	w.ok(err)
	c, err := proof.OpenCheckpoint([]byte(note), v)
	w.ok(err)
	return c
}

// GET /checkpoint is the newest with what it has; GET /v1/log shows what is to be cosigned now, and
// keeps showing the one that has its quorum.
func TestCosignaturesAreServed(t *testing.T) {
	w := newWorld(t)
	key := w.believing()
	plain := string(w.do("GET", "/checkpoint", "").body)
	before := w.info()
	if before.Anchor != plain || before.Witnessed != "" {
		t.Errorf("without cosigners: anchor %q, witnessed %q", before.Anchor, before.Witnessed)
	}
	c := w.open(plain)
	cosigned := plain + w.line(key, c, time.Unix(1700000000, 0))
	text := []string{"Content-Type", "text/plain; charset=utf-8"}
	for range 2 { // it may be repeated
		r := w.do("POST", "/v1/cosignatures", cosigned, text...)
		if r.StatusCode != 200 || string(r.body) != `{"cosigners":["w"]}` {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
	}
	if got := string(w.do("GET", "/checkpoint", "").body); got != cosigned {
		t.Errorf("checkpoint %q, want %q", got, cosigned)
	}
	w.ok(w.log.Append(t.Context(), w.sign(w.submit["SRC"], w.access("SRC", person)))[0].Err)
	if n := w.open(string(w.do("GET", "/checkpoint", "").body)); n.Size != c.Size+1 {
		t.Errorf("the newest is of size %d", n.Size)
	}
	if got := w.info(); got.Witnessed != cosigned || got.Anchor != cosigned || got.Size != c.Size+1 {
		t.Errorf("later: witnessed %q, anchor %q, want both %q", got.Witnessed, got.Anchor, cosigned)
	}
	metrics := w.metrics()
	for _, want := range []string{fmt.Sprintf(`igledger_cosigner_size{cosigner="w"} %d`, c.Size),
		`igledger_cosigner_time_seconds{cosigner="w"} 1.7e+09`,
		fmt.Sprintf("igledger_anchor_size %d", c.Size), fmt.Sprintf("igledger_witnessed_size %d", c.Size)} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %q", want)
		}
	}
}

// What is brought and does not hold is refused, each for its own reason, and nothing of it is kept.
// A fork is an alarm.
func TestCosignaturesRefused(t *testing.T) {
	w := newWorld(t)
	key := w.believing()
	plain := string(w.do("GET", "/checkpoint", "").body)
	head := w.open(plain)
	fork := head
	fork.Root[3]++
	forked, err := fork.Sign(w.keys.Log)
	w.ok(err)
	line := func(c proof.Checkpoint, at time.Time) string { return w.line(key, c, at) }
	nobody, err := cosign.GenerateSigner(cosign.Ed25519, "stranger.test")
	w.ok(err)
	stranger := w.line(nobody, head, time.Unix(1700000000, 0))
	now := time.Now()
	for name, c := range map[string]struct {
		body, media string
		code        string
	}{
		"JSON":                      {`{"note":"x"}`, "application/json", mediaType},
		"nothing":                   {"", "text/plain", badCheckpoint},
		"prose":                     {"thank you\n", "text/plain", badCheckpoint},
		"another log's signature":   {strings.Replace(plain, "\n", "\n1", 1) + line(head, now), "text/plain", badCheckpoint},
		"a line for another":        {plain + line(fork, now), "text/plain", badCosignature},
		"a line of tomorrow":        {plain + line(head, now.Add(24*time.Hour)), "text/plain", badCosignature},
		"no cosigner":               {plain, "text/plain", unknownCosigner},
		"a stranger":                {plain + stranger, "text/plain", unknownCosigner},
		"too much":                  {plain + strings.Repeat(stranger, 1000), "text/plain", tooLarge},
		"a bad one, and a good one": {plain + line(head, now) + line(fork, now), "text/plain", badCosignature},
	} {
		r := w.do("POST", "/v1/cosignatures", c.body, "Content-Type", c.media)
		if got := r.problem(t); got != c.code {
			t.Errorf("%s: %s, want %s", name, got, c.code)
		}
	}
	if got := w.info(); got.Witnessed != "" || got.Anchor != plain {
		t.Errorf("kept: witnessed %q, anchor %q", got.Witnessed, got.Anchor)
	}
	m := w.metrics()
	if !strings.Contains(m, `igledger_cosigner_size{cosigner="w"} 0`) ||
		strings.Contains(m, "igledger_cosigner_time_seconds{") || strings.Contains(m, "igledger_witnessed_size ") {
		t.Errorf("metrics show cosignatures that were never made")
	}
	r := w.do("POST", "/v1/cosignatures", string(forked)+line(fork, now), "Content-Type", "text/plain")
	if got := r.problem(t); got != inconsistentCheckpoint {
		t.Errorf("a fork: %s", got)
	}
	if n := strings.Count(w.lines.String(), "ALARM"); n != 1 {
		t.Errorf("%d alarms for one fork:\n%s", n, w.lines)
	}
	// The operator's key has signed another tree, so nothing more is signed.
	size := w.size()
	for _, r := range []reply{
		w.do("GET", "/readyz", ""), w.do("GET", "/checkpoint", ""), w.do("GET", "/v1/log", ""),
		w.do("POST", "/v1/entries", submission(w.entry("SRC", person))),
		w.do("POST", "/v1/statements", `{"id":"`+person+`","purpose":["HCOMPL"]}`,
			"Authorization", "Bearer "+w.token(w.audit["AUD"], "AUD")),
	} {
		if code := r.problem(t); r.StatusCode != 503 || code != stopped || !strings.Contains(string(r.body), "signed by the log's key") {
			t.Errorf("%s %s: %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body)
		}
	}
	if n := w.size(); n != size {
		t.Errorf("the log grew to %d", n)
	}
	if body := string(w.do("GET", "/readyz", "").body); !strings.Contains(body, "igledger recover") {
		t.Errorf("readyz does not say what to do: %s", body)
	}
}

// The client brings cosignatures as the server takes them.
func TestClientBringsCosignatures(t *testing.T) {
	w := newWorld(t)
	key := w.believing()
	cl := &client.Client{Base: w.server.URL}
	info, err := cl.LogInfo(t.Context())
	w.ok(err)
	names, err := cl.AddCosignatures(t.Context(), []byte(info.Anchor+w.line(key, w.open(info.Anchor), time.Now())))
	if err != nil || len(names) != 1 || names[0] != "w" {
		t.Errorf("%q, %v", names, err)
	}
	var p *client.Problem
	if _, err := cl.AddCosignatures(t.Context(), []byte(info.Anchor)); !errors.As(err, &p) || p.Code() != unknownCosigner {
		t.Errorf("no line: %v", err)
	}
}

// Attempts are counted under the few words that an operator can put an alarm on.
func TestWitnessAttempts(t *testing.T) {
	reg := prometheus.NewRegistry()
	observe := WitnessAttempts(reg, &cosign.Policy{Cosigners: []*cosign.Cosigner{{Name: "w", URL: "https://w.example"}, {Name: "auditor"}}})
	if families, err := reg.Gather(); err != nil || len(families) != 1 || len(families[0].GetMetric()) != len(attemptResults) {
		t.Errorf("before the first attempt: %v, %v", families, err) // an alert on their increase would miss the first
	}
	answered := func(status int, err error) error {
		return fmt.Errorf("sending: %w", &witness.AnswerError{Witness: "w", Status: status, Err: err})
	}
	want := map[string]error{
		"kept": nil, "known": nil, "unreachable": answered(0, errors.New("connection refused")),
		"refused":     answered(503, errors.New("HTTP status 503")),
		"own-failure": errors.New("the database is away"),
		"fork":        answered(409, witness.ErrFork), "ahead": answered(409, fmt.Errorf("%w: 7", witness.ErrAhead)),
		"inconsistent":    answered(422, witness.ErrInconsistent),
		"bad-cosignature": answered(0, fmt.Errorf("%w: none", witness.ErrBadCosignature)),
		"unknown-log":     answered(404, witness.ErrUnknownLog), "unknown-key": answered(403, witness.ErrUnknownKey),
		"malformed": answered(200, witness.ErrMalformed),
	}
	for label, err := range want {
		observe("w", 7, label == "kept", err)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "igledger_witness_attempts_total" ||
		len(families[0].GetMetric()) != len(want) {
		t.Fatalf("%v, %v", families, err)
	}
	for _, m := range families[0].GetMetric() {
		for _, l := range m.GetLabel() {
			if _, ok := want[l.GetValue()]; l.GetName() == "result" && (!ok || m.GetCounter().GetValue() != 1) {
				t.Errorf("%s: %v", l.GetValue(), m.GetCounter().GetValue())
			}
		}
	}
}

// A source can have the receipt of its entry under the newest checkpoint with a quorum, as soon as
// that covers the entry; until then it is told so, and told nothing about others' entries.
func TestWitnessedReceipts(t *testing.T) {
	w := newWorld(t)
	key := w.believing()
	policy := w.log.Policy()
	cl := w.client(w.submit["SRC"], "SRC")
	e := w.sign(w.submit["SRC"], w.access("SRC", person))
	first := w.log.Append(t.Context(), e)[0]
	w.ok(first.Err)
	_, err := cl.WitnessedReceipt(t.Context(), first.Index)
	wantProblem(t, err, 404, client.NotWitnessed)

	index, err := statement.New(statement.Config{Log: w.log})
	w.ok(err)
	w.ok(index.Flush(t.Context()))
	note := w.info().Anchor
	head := w.open(note)
	_, err = cl.AddCosignatures(t.Context(), []byte(note+w.line(key, head, time.Now())))
	w.ok(err)
	later := w.sign(w.submit["SRC"], w.access("SRC", person))
	second := w.log.Append(t.Context(), later)[0]
	w.ok(second.Err)

	check := func(r *bundle.Receipt, e *entry.Entry) (verifier.Receipted, verifier.Report) {
		return verifier.CheckReceipt(verifier.ReceiptEvidence{Receipt: r, Entry: e, Policy: policy, Genesis: w.log.Genesis()})
	}
	r, err := cl.WitnessedReceipt(t.Context(), first.Index)
	w.ok(err)
	if got, rep := check(r, e); rep.Err() != nil || !got.Quorum || got.Checkpoint != head || got.Index != first.Index {
		t.Errorf("by index: %+v, %v", got, rep.Err())
	}
	plain, err := cl.Receipt(t.Context(), first.Index)
	w.ok(err)
	if got, rep := check(plain, e); !rep.OnlyQuorum() || got.Quorum || got.Checkpoint.Size != head.Size+1 {
		t.Errorf("without asking: %+v, %v", got, rep.Err())
	}
	list, err := cl.WitnessedReceiptsByID(t.Context(), []string{e.ID, later.ID, "x"})
	w.ok(err)
	if got, rep := check(list[0].Receipt, e); rep.Err() != nil || !got.Quorum {
		t.Errorf("by jti: %+v, %v", got, rep.Err())
	}
	if list[1].Problem.Code() != client.NotWitnessed || list[1].Receipt != nil || list[2].Problem.Code() != notFound {
		t.Errorf("lookup: %+v, %+v", list[1], list[2])
	}
	_, err = w.client(w.submit["OTH"], "OTH").WitnessedReceipt(t.Context(), second.Index)
	wantProblem(t, err, 403, forbidden)
	for _, query := range []string{"witnessed=false", "witnessed=1", "witnessed&witnessed"} {
		r := w.do("GET", fmt.Sprintf("/v1/receipts/%d?%s", first.Index, query), "",
			"Authorization", "Bearer "+w.token(w.submit["SRC"], "SRC"))
		if code := r.problem(t); code != badRequest {
			t.Errorf("%s: %s", query, code)
		}
	}
}
