package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/ledger/entry"
)

// acted is the answer to a public act: what the ledger said, and the state that follows from it.
type acted struct {
	client.Result
	Agreement string   `json:"agreement,omitempty"`
	Version   uint64   `json:"version,omitzero"`
	State     string   `json:"state,omitempty"`    // of the agreement, as agreement list has it
	WaitsFor  []string `json:"waitsFor,omitempty"` // parties that have not signed, or organisations that have to resume it
	Follows   string   `json:"follows"`            // in words
}

// printActed prints what an agreement is after an act on one of its versions.
func (r *remote) printActed(c *cli.Context, res client.Result, id string, version uint64, what string) error {
	out := acted{Result: res, Agreement: id, Version: version}
	a, err := r.agreement(c.Context, id)
	if err == nil && version <= uint64(len(a.Versions)) {
		v := &a.Versions[version-1]
		out.State, out.Follows = v.State, following(v, res.Index, time.Now())
		if out.WaitsFor = v.Missing; v.State == "suspended" {
			out.WaitsFor = v.Suspended
		}
	} else { // the act is done all the same
		out.Follows = "the ledger did not answer when it was asked for the state: see igledger agreement show " + id
	}
	return output(c, out, "entry %d: %s\n%s version %d %s\n%s\n", res.Index, res.Status, id, version, what, sentence(out.Follows))
}

// printFollows prints the answer to an act, and what follows from it in words.
func printFollows(c *cli.Context, res client.Result, follows string) error {
	return output(c, acted{Result: res, Follows: follows}, "entry %d: %s\n%s\n", res.Index, res.Status, sentence(follows))
}

// linkFollows says what a link or its end means from an entry on.
func linkFollows(act string, index uint64) string {
	if act == "linked" {
		return fmt.Sprintf("a statement of either number shows the entries of both, and what was refused under one counts under the "+
			"other for accesses after entry %d", index)
	}
	return fmt.Sprintf("a statement of either number no longer shows the entries of the other, and what was refused under one counts "+
		"under that one only, for accesses after entry %d", index)
}

// following says what a version of an agreement is after entry index.
func following(v *client.AgreementVersion, index uint64, now time.Time) string {
	switch t := v.Text; v.State {
	case "proposed":
		return "waits for the signature of " + strings.Join(v.Missing, ", ")
	case "approved":
		return fmt.Sprintf("signed by all; in force from %s to %s", t.Start, t.End)
	case "in-force":
		return fmt.Sprintf("in force from entry %d to %s", index, t.End)
	case "under-review":
		return fmt.Sprintf("under review, and in force to %s", t.End)
	case "suspended":
		return fmt.Sprintf("suspended: accesses after entry %d are not covered until %s resumes it", index, strings.Join(v.Suspended, " and "))
	case "withdrawn":
		return "withdrawn: it never comes into force"
	case "terminated":
		return fmt.Sprintf("ended: accesses after entry %d that name it are not covered", index)
	case "expired":
		return fmt.Sprintf("expired: its last day was %s, %d days ago", t.End, int(now.Sub(t.EndTime()).Hours()/24))
	}
	return v.State
}

// sentence returns words with a capital and a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// keyFollows says what the register has of a key after it was added or revoked, which keys the
// organisation has left for its purposes among them.
func (r *remote) keyFollows(ctx context.Context, org, kid string) string {
	reg, err := r.Register(ctx)
	if err != nil {
		return "the ledger did not answer when it was asked for its register: see igledger key list"
	}
	var key client.Key
	for _, k := range reg.Keys {
		if k.KID == kid && k.Organisation == org {
			key = k
		}
	}
	if !key.Revoked {
		return fmt.Sprintf("valid for %s from entry %d", joined(key.Purposes), key.From)
	}
	var left []string
	for _, p := range key.Purposes {
		n := 0
		for _, k := range reg.Keys {
			for _, q := range k.Purposes {
				if k.Organisation == org && !k.Revoked && p == q {
					n++
				}
			}
		}
		left = append(left, fmt.Sprintf("%d for %s", n, p))
	}
	return fmt.Sprintf("revoked: entries after %d that it signs are refused. %s has keys left: %s", key.RevokedAt, org,
		strings.Join(left, ", "))
}

// consentFollows says what a consent, a delegation or their end means from an entry on.
func consentFollows(body entry.Body, index uint64, flags []entry.Flag) string {
	for _, f := range flags {
		if f == entry.FlagConsentNotBasis {
			return "recorded, and changes nothing: the agreement does not rest on consent"
		}
	}
	switch b := body.(type) {
	case *entry.Consent:
		switch {
		case b.Act == "withdrawn" || b.Act == "expired":
			return fmt.Sprintf("ended: it decides no access after entry %d", index)
		case b.Rule != nil && b.Rule.End != "":
			return fmt.Sprintf("decides accesses after entry %d, until %s", index, b.Rule.End)
		}
		return fmt.Sprintf("decides accesses after entry %d, until the person decides otherwise", index)
	case *entry.Delegation:
		if b.Act == "revoked" {
			return fmt.Sprintf("ended: the delegate can do nothing for the person after entry %d", index)
		}
		return fmt.Sprintf("the delegate may act for the person (%s) until %s", strings.Join(b.Scope, ", "), b.End)
	}
	return ""
}
