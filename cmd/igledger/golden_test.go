package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igledger/consent/draft"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The wording of each report is in one golden file. Other tests assert names, fields and exit
// codes.
func TestReportsReadAsTheyShould(t *testing.T) {
	for name, print := range map[string]func(*testing.T, *bytes.Buffer) error{
		"who-accessed": func(t *testing.T, out *bytes.Buffer) error {
			return printAccesses(command.Screen{Writer: out}, &client.Accesses{Scope: "whole", Count: 5, Accesses: recordedAccesses(t)}, ids)
		},
		"who-accessed-own": func(t *testing.T, out *bytes.Buffer) error {
			return printAccesses(command.Screen{Writer: out}, &client.Accesses{Scope: "own", Accesses: recordedAccesses(t)[:1]}, ids)
		},
		"who-accessed-narrow": func(t *testing.T, out *bytes.Buffer) error {
			for _, width := range []int{60, 80, 160} {
				fmt.Fprintf(out, "%s\n", strings.Repeat("=", width))
				err := printAccesses(command.Screen{Writer: out, Width: width}, &client.Accesses{Scope: "whole", Count: 5,
					Accesses: recordedAccesses(t)}, ids)
				if err != nil {
					return err
				}
			}
			return nil
		},
		"report-uncovered": func(_ *testing.T, out *bytes.Buffer) error {
			r := &client.Report{Kind: client.Uncovered, At: "2026-11-27T12:00:00Z", Seen: 40, Attempts: 1, Accesses: []client.ReportedAccess{
				reported(12, "nhs-highland", "HRESCH", entry.NotCovered, "agreement-purpose"),
				reported(31, "nhs-tayside", "HMARKT", entry.NotCovered, "agreement-party"),
			}}
			return printReport(command.Screen{Writer: out}, "text", r, accessRows(r))
		},
		"report-attempts": func(_ *testing.T, out *bytes.Buffer) error {
			r := &client.Report{Kind: client.Attempts, At: "2026-11-27T12:00:00Z", Seen: 40, Attempts: 2, Accesses: []client.ReportedAccess{
				reported(8, "nhs-highland", "HMARKT", entry.AttemptOnly, ""), reported(9, "nhs-tayside", "TREAT", entry.DecisionOnly, ""),
			}}
			r.Accesses[0].Act, r.Accesses[0].Outcome = entry.ActAttempt, "8"
			r.Accesses[1].Act, r.Accesses[1].Outcome = entry.ActDecision, "0"
			return printReport(command.Screen{Writer: out}, "text", r, attemptRows(r))
		},
		"report-break-glass": func(_ *testing.T, out *bytes.Buffer) error {
			r := &client.Report{Kind: client.BreakGlass, At: "2026-11-27T12:00:00Z", Seen: 1,
				Accesses: []client.ReportedAccess{reported(7, "nhs-tayside", "BTG", entry.BreakGlass, "break-glass")}}
			r.Accesses[0].Justification = "unconscious, no relatives"
			return printReport(command.Screen{Writer: out}, "text", r, glassRows(r))
		},
		"agreement-show": showsAgreement,
		"consent-list": func(_ *testing.T, out *bytes.Buffer) error {
			return command.Screen{Writer: out}.Table(consentRows(personalActsOfAll()))
		},
		"sources": func(_ *testing.T, out *bytes.Buffer) error {
			return printSources(command.Screen{Writer: out}, []client.Source{
				{Organisation: "nhs-lothian", Source: "ehr", Entries: 182, Last: 182, LastReceived: "2026-11-27T11:58:00Z",
					Heartbeats: &client.StreamHeartbeats{LastDay: "2026-11-26", Interval: 3600}},
				{Organisation: "nhs-lothian", Source: "lims", Entries: 2, Last: 9, Missing: 7,
					Gaps:   []client.Gap{{First: 2, Last: 3}, {First: 5, Last: 5}, {First: 7, Last: 7}, {First: 8, Last: 8}},
					Faults: []stream.Fault{stream.FaultGaps, stream.FaultDeclared}},
			})
		},
		"decide": func(_ *testing.T, out *bytes.Buffer) error {
			for _, d := range []client.Decision{
				{Decision: true, Context: &client.DecisionContext{ID: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Index: 77,
					Reasons:     []client.Reason{{ID: "break-glass", Plain: "It was an emergency."}},
					Obligations: []client.Obligation{{ID: "follow-up"}}}},
				{Context: &client.DecisionContext{
					Reasons:     []client.Reason{{ID: "break-glass-justified", Plain: "No justification was given."}},
					Obligations: []client.Obligation{{ID: "justify"}}}},
			} {
				out.WriteString(decisionText(&d))
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := print(t, &out); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("got\n%s\nwant (-update rewrites it)\n%s", &out, want)
			}
		})
	}
}

func ids(org string) string {
	return map[string]string{"nhs-highland": "NHS Highland (nhs-highland)"}[org]
}

func verdict(result entry.VerdictResult, rule, words string) *client.PlainVerdict {
	return &client.PlainVerdict{
		Verdict: entry.Verdict{Result: result, Rules: []string{rule}, Agreement: "isa-2026-1", Version: 1},
		Plain:   []string{"The result.", words}}
}

func reported(index uint64, org, purpose string, result entry.VerdictResult, rule string) client.ReportedAccess {
	return client.ReportedAccess{Index: index, ID: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Received: "2026-11-20T10:00:01Z",
		Organisation: org, Holder: "nhs-lothian", System: "portal", Role: []string{"nurse"}, Action: "R",
		Purpose: []string{purpose}, Verdict: *verdict(result, rule, "The reason.")}
}

// recordedAccesses returns an access, one in an emergency, an attempt, and a consent, which the
// table leaves out.
func recordedAccesses(t *testing.T) []client.RecordedAccess {
	signer := testlog.Signer(wire.EdDSA)
	common := entry.Common{Issuer: "nhs-lothian", Audience: "golden.test/2026"}
	access := func(when, purpose string, emergency bool) *entry.Access {
		return &entry.Access{Common: common, Source: "ehr", Org: "nhs-highland", Action: "R",
			Event: []string{"http://hl7.org/fhir/restful-interaction|read"},
			Data:  []string{"http://hl7.org/fhir/resource-types|MedicationRequest"}, Purpose: []string{purpose},
			Role: []string{"nurse"}, Emergency: emergency, Agreement: "isa-2026-1", Outcome: "0", Recorded: when,
			Sub: "chi:2902400015", Staff: &entry.Staff{ID: "n-1", Name: "Shona Invent"}}
	}
	emergency := access("2026-11-20T11:00:00Z", "BTG", true)
	emergency.Text = &entry.Text{Justification: "unconscious"}
	var list []client.RecordedAccess
	add := func(index uint64, body entry.Body, v *client.PlainVerdict, flags ...entry.Flag) {
		e, err := entry.Sign(signer, body)
		if err != nil {
			t.Fatal(err)
		}
		r := client.RecordedAccess{Index: index, Verdict: v, Opening: &bundle.Opening{Index: index, JWS: e.Compact,
			Disclosures: e.Encoded(), Flags: flags}}
		switch b := body.(type) {
		case *entry.Access:
			r.Access = &client.Access{Recorded: b.Recorded}
		case *entry.Decision:
			r.Asked = &client.Asked{Access: client.Access{Recorded: b.Asked}}
		}
		list = append(list, r)
	}
	add(20, access("2026-11-20T10:00:00Z", "TREAT", false), verdict(entry.Covered, "agreement", "The reason."), entry.FlagLate)
	add(21, emergency, verdict(entry.BreakGlass, "break-glass", "The reason."))
	add(22, &entry.Decision{Common: common, Org: "nhs-tayside", Holder: "nhs-lothian", Action: "R",
		Purpose: []string{"HMARKT"}, Decision: "deny", Rules: []string{"agreement-purpose"},
		Asked: "2026-11-20T12:00:00Z", Sub: "chi:2902400015", Staff: &entry.Staff{ID: "n-2"}}, nil)
	refused := access("2026-11-20T13:00:00Z", "HMARKT", false)
	refused.Outcome, refused.Text = "8", &entry.Text{Outcome: "no consent"}
	add(24, refused, &client.PlainVerdict{Verdict: entry.Verdict{Result: entry.AttemptOnly}, Plain: []string{"The result."}})
	add(23, &entry.Consent{Common: common, Consent: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Act: "given",
		Scope: "research", Decided: "2026-11-20T12:00:00Z", Rule: &entry.ConsentRule{Decision: "permit"},
		Expressed: entry.Expressed{How: "verbal"}, Sub: "chi:2902400015"}, nil)
	return list
}

func personalActsOfAll() []personalAct {
	refusal := &entry.Consent{Consent: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11", Act: "refused", Scope: "research",
		Agreements: []string{"isa-2026-1"}, Decided: "2026-11-20T12:00:00Z",
		Rule: &entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}, Except: []entry.ConsentRule{{}}}}
	withdrawn := *refusal
	withdrawn.Act, withdrawn.Rule = "withdrawn", nil
	granted := &entry.Delegation{Delegation: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d22", Act: "granted", Kind: "HPOWATT",
		Scope: []string{"access", "consent"}, Start: "2026-11-20T12:00:00Z", End: "2027-01-01T00:00:00Z"}
	return []personalAct{{Index: 30, Consent: refusal}, {Index: 31, Newest: true, Consent: &withdrawn},
		{Index: 32, Newest: true, Delegation: granted}}
}

// showsAgreement runs agreement show against a server that has one proposed agreement.
func showsAgreement(t *testing.T, out *bytes.Buffer) error {
	text := strings.NewReplacer("$START", "2026-01-01", "$END", "2027-12-31", "$REVIEW", "2026-12-31").Replace(demoAgreement)
	agreement, err := draft.Read([]byte(text))
	if err != nil {
		return err
	}
	l := testlog.New("golden.test/2026")
	v := client.AgreementVersion{Version: 1, State: "proposed", By: "nhs-lothian", Index: 41, Text: agreement,
		Signatures: []client.AgreementSigned{{Organisation: "nhs-lothian", KID: "kid-1", Index: 42, At: "2026-11-20T12:00:00Z"}},
		Missing:    []string{"nhs-highland", "nhs-greater-glasgow"}, Suspended: []string{"nhs-lothian"}}
	next := v
	next.Version = 2
	answers := map[string]any{
		"/v1/log": client.LogInfo{Origin: l.Origin, LogKey: l.Key},
		"/v1/agreements/" + agreement.ID: client.Agreement{ID: agreement.ID, Version: 1, State: "proposed",
			Versions: []client.AgreementVersion{v, next}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(testlog.JSON(answers[r.URL.Path])) //nolint:errcheck // a test
	}))
	defer server.Close()
	var errOut bytes.Buffer
	args := []string{"agreement", "show", "--url", server.URL, "--log-key", l.Key, agreement.ID}
	if code := run(t.Context(), args, nil, out, &errOut); code != exitGood {
		t.Errorf("exit %d: %s", code, &errOut)
	}
	return nil
}
