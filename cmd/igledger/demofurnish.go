package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"igledger/audit/demodata"
	"igledger/consent/draft"
	"igledger/internal/web"
	"igledger/internal/web/signin/provider"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// furnish adds what people find when they open the pages: an agreement in force, one that waits for
// a signature, a request that waits for an answer, a carer, and a person with two numbers.
func (d *demo) furnish(ctx context.Context) error {
	now := time.Now().UTC()
	for _, step := range []func(context.Context, time.Time) error{d.agreements, d.request, d.carer, d.twoNumbers} {
		if err := step(ctx, now); err != nil {
			return err
		}
	}
	return nil
}

// agreements makes one that all parties have signed, and proposes two. Of these, one waits for NHS
// Lothian, whose officer can sign in.
func (d *demo) agreements(ctx context.Context, now time.Time) error {
	for _, a := range []struct {
		id, title, holder, receiver, purpose, code, data string
		article9                                         []string
		review                                           int  // days
		signed                                           bool // by both; otherwise by the receiver, who proposes
	}{
		{
			"isa-demo-2", "Asthma research in the East Safe Haven (demonstration)", "nhs-lothian", "safe-haven-east",
			"A study of asthma that comes back", "HRESCH", "Condition", []string{"j"}, 12, true,
		},
		{
			"isa-demo-3", "Laboratory results between two boards (demonstration)", "nhs-lothian", "nhs-greater-glasgow",
			"Care by a laboratory of another board", "TREAT", "DiagnosticReport", []string{"h"}, 300, false,
		},
		{
			"isa-demo-4", "Discharge letters to a practice (demonstration)", "nhs-highland", "gp-harbour",
			"Care after a stay in hospital", "TREAT", "DocumentReference", []string{"h"}, 200, false,
		},
	} {
		t, err := demoText(now)
		if err != nil {
			return err
		}
		t.ID, t.Title, t.Article9 = a.id, a.title, a.article9
		t.Parties[0].Org, t.Parties[1].Org = a.holder, a.receiver
		t.Parties = t.Parties[:2]
		t.Purposes = []entry.AgreementPurpose{{Text: a.purpose, Code: a.code}}
		t.Data[0].Text = "What the purpose needs, and no more"
		t.Data[0].Codes = []string{"http://hl7.org/fhir/resource-types|" + a.data}
		t.Flows = t.Flows[:1]
		t.Flows[0].From, t.Flows[0].To = a.holder, a.receiver
		t.ReviewDue = now.AddDate(0, 0, a.review).Format(time.DateOnly)
		e, err := entry.Sign(d.keys[a.receiver], &entry.Agreement{Common: d.by(a.receiver), Agreement: *t})
		if err == nil {
			err = d.append(ctx, e)
		}
		signers := []string{a.receiver}
		if a.signed {
			signers = append(signers, a.holder)
		}
		for _, org := range signers {
			if err == nil {
				err = d.state(ctx, org, &entry.AgreementSignature{Common: d.by(org), Agreement: t.ID, Version: 1, Proposal: e.Identity()})
			}
		}
		if err != nil {
			return fmt.Errorf("the agreement %s: %w", a.id, err)
		}
	}
	return nil
}

// demoText is the text of the demonstration's agreement, with days around now.
func demoText(now time.Time) (*entry.AgreementText, error) {
	return draft.Read([]byte(strings.NewReplacer(
		"$START", now.AddDate(0, -1, 0).Format(time.DateOnly),
		"$END", now.AddDate(2, 0, 0).Format(time.DateOnly),
		"$REVIEW", now.AddDate(0, 2, 0).Format(time.DateOnly)).Replace(demoAgreement)))
}

func (d *demo) request(ctx context.Context, now time.Time) error {
	const asks = "safe-haven-east"
	return d.state(ctx, asks, &entry.SharingRequest{Common: d.by(asks), Request: "req-demo-1", Holder: "nhs-lothian",
		Data: "Discharge letters of 2020 to 2026, without names", Purpose: "A study of people who come back to hospital",
		Codes: []string{"HRESCH"}, Necessity: "Numbers alone do not show why they come back",
		Power: "UK GDPR Article 6(1)(e)", By: "Principal investigator", Needed: now.AddDate(0, 3, 0).Format(time.DateOnly)})
}

// carer records that the fifth person may act for the tenth.
func (d *demo) carer(ctx context.Context, now time.Time) error {
	people := demodata.People()
	carer, person := people[4], people[9]
	const org = "nhs-lothian"
	return d.state(ctx, org, &entry.Delegation{Common: d.by(org), Delegation: uuid.NewString(), Act: "granted", Kind: "HPOWATT",
		Scope: []string{"access", "consent"}, Start: now.AddDate(0, -2, 0).Format(time.RFC3339),
		End: now.AddDate(1, 0, 0).Format(time.RFC3339), Basis: "Adults with Incapacity (Scotland) Act 2000",
		Evidence: &entry.DelegationEvidence{Reference: "OPG-DEMO-1", Seen: now.Format(time.RFC3339),
			Office: "Office of the Public Guardian (Scotland)"},
		Sub: person.ID, Delegate: &entry.Delegate{ID: carer.ID, Name: carer.Name}})
}

// twoNumbers links the number that a board gave the third person in an emergency.
func (d *demo) twoNumbers(ctx context.Context, _ time.Time) error {
	const org, emergency = "nhs-lothian", "temp:nhs-lothian:A-2291"
	id := demodata.People()[2].ID
	for _, ids := range [][2]string{{id, emergency}, {emergency, id}} {
		if err := d.state(ctx, org, &entry.Link{Common: d.by(org), Act: "linked", Reason: "one person: the number was given in an emergency",
			Sub: ids[0], Other: ids[1]}); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) by(org string) entry.Common {
	return entry.Common{Issuer: org, Audience: d.log.Origin()}
}

// state signs an entry as an organisation and appends it.
func (d *demo) state(ctx context.Context, org string, body entry.Body) error {
	e, err := entry.Sign(d.keys[org], body)
	if err != nil {
		return err
	}
	return d.append(ctx, e)
}

func (d *demo) append(ctx context.Context, e *entry.Entry) error { return d.log.Append(ctx, e)[0].Err }

// open opens the doors for people: pages on which they sign in at a provider of the demonstration's
// own, where they choose who to be.
func (d *demo) open() (close func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := logger(io.Discard)
	accounts, err := provider.New(provider.Config{Issuer: "http://" + l.Addr().String(), People: provider.People(), Logger: quiet})
	if err != nil {
		l.Close()
		return nil, err
	}
	signIn, err := accounts.Settings(d.dir, d.server.url)
	if err != nil {
		l.Close()
		return nil, err
	}
	signers := map[string][]*wire.Signer{}
	for org, key := range d.keys {
		signers[org] = []*wire.Signer{key, d.parties.admins[org]}
	}
	server := &http.Server{Handler: accounts, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) //nolint:errcheck // it ends with the demonstration
	return func() { server.Close() }, d.server.show(web.Config{Log: d.log, Index: d.server.index, Public: d.server.url, Store: d.cfg.Storage,
		Keys: filepath.Join(d.dir, "keys"), Policy: []byte(d.policy), Logger: quiet, Signers: signers, Demonstration: true,
		Settings: web.Settings{SignIn: signIn, Choices: "nhs-lothian"}})
}
