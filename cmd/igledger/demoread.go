package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"igledger/audit/demodata"
	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/entry"
	"igledger/ledger/keyfile"
)

const auditorID = "audit-demo"

// reader enrols an organisation that reads, and writes its key to a file.
func (d *demo) reader(ctx context.Context, m entry.Member, purpose entry.Purpose, file string) (*remote, error) {
	key, err := d.parties.enrol(ctx, m, purpose)
	if err != nil {
		return nil, err
	}
	jwk, err := key.MarshalPrivate()
	if err != nil {
		return nil, err
	}
	if err := keyfile.Write(filepath.Join(d.dir, file), jwk); err != nil {
		return nil, err
	}
	r, err := d.remote(m.ID, key)
	if err != nil {
		return nil, err
	}
	r.asCaller("demonstration")
	return r, nil
}

// appointAuditor enrols an auditor, who starts to audit.
func (d *demo) appointAuditor(ctx context.Context) error {
	var err error
	d.auditor, err = d.reader(ctx, entry.Member{ID: auditorID, Name: "Auditor (demonstration)", Kind: "regulator",
		Roles: []entry.Role{entry.RoleAuditor}}, entry.PurposeAudit, "auditor.jwk")
	if err != nil {
		return err
	}
	d.auditor.Purpose = []string{"HCOMPL"}
	return d.audit(d.auditor.signer)
}

// whoAccessed asks as an auditor would, and prints the table. Then it asks as a board does, which
// is shown only its own accesses, and as a front desk does for the person, who gets the statement.
func (d *demo) whoAccessed(ctx context.Context, person demodata.Person) ([]client.RecordedAccess, error) {
	got, err := d.auditor.Search(ctx, person.ID, 0, 200)
	if err != nil {
		return nil, err
	}
	d.say("\nWho accessed the record of %s (who does not exist)?\n", person.Name)
	name, err := d.auditor.names(ctx)
	if err != nil {
		return nil, err
	}
	if err := printAccesses(command.Screen{Writer: d.out}, got, name); err != nil {
		return nil, err
	}
	const board = "nhs-highland"
	r, err := d.remote(board, d.keys[board])
	if err != nil {
		return nil, err
	}
	r.asCaller("demonstration")
	r.Purpose = []string{"HCOMPL"}
	own, err := r.Search(ctx, person.ID, 0, 200)
	if err != nil {
		return nil, err
	}
	d.say("\nThe auditor is shown all of them; %s, which asks too, only %d: what it did or holds itself.", board,
		len(own.Accesses))
	if err := d.cosigned(ctx); err != nil {
		return nil, err
	}
	desk, err := d.reader(ctx, entry.Member{ID: "desk-demo", Name: "Front desk (demonstration)", Kind: "health-board",
		Roles: []entry.Role{entry.RoleFrontDesk}}, entry.PurposeFrontDesk, "desk.jwk")
	if err != nil {
		return nil, err
	}
	desk.Purpose, desk.Request, desk.Identity = []string{"PATRQT"}, "request-1", entry.ByDocuments
	d.proof, err = desk.Statement(ctx, client.StatementRequest{ID: person.ID})
	if err != nil {
		return nil, err
	}
	d.say("%s asked at a front desk, which checked who asked and got the statement: %s.", person.Name, desk.Request)
	if err := os.WriteFile(filepath.Join(d.dir, "statement.json"), d.proof, 0o600); err != nil {
		return nil, fmt.Errorf("writing the statement: %w", err)
	}
	return got.Accesses, saveOpenings(filepath.Join(d.dir, "openings"), got.Accesses)
}
