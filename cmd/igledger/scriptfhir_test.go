package main

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/ledger/keyfile"
	"igledger/ledger/register"
)

// findsEvents searches for AuditEvents as a FHIR client would, with a token of its own, and keeps
// the answer in found.json: "finds ORG STATUS FORM". The server is a process of its own.
func findsEvents(ts *testscript.TestScript, _ bool, args []string) {
	signer, err := new(keyfile.Loader).Signer(ts.MkAbs(args[0] + "-audit.jwk"))
	ts.Check(err)
	token, err := register.SignCaller(signer, "ledger.test/2026", args[0], "fhir-client", time.Now())
	ts.Check(err)
	r, err := http.NewRequest(http.MethodPost, ts.Getenv("IGLEDGER_URL")+"/fhir/r4/AuditEvent/_search", strings.NewReader(args[2]))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if strconv.Itoa(answer.StatusCode) != args[1] {
		ts.Fatalf("answered %d: %s", answer.StatusCode, body)
	}
	ts.Check(os.WriteFile(ts.MkAbs("found.json"), body, 0o600))
}
