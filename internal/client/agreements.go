package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// The public register of agreements, requests and policies. It is a convenience, as Register is: a
// verifier replays the log instead.

// Agreements is one page of the answer to GET /v1/agreements.
type Agreements struct {
	At         string             `json:"at" doc:"RFC 3339, by the ledger's clock: the time of these states"`
	Agreements []AgreementSummary `json:"agreements" doc:"By id"`
	Next       string             `json:"next,omitempty" doc:"Pass as after to get the next page; absent on the last page"`
}

// AgreementSummary describes an agreement by its current version: the newest version that has
// started, else the one that will start first, else the newest proposal.
type AgreementSummary struct {
	ID        string   `json:"id" doc:"Id of the agreement" example:"ISA-2026-041"`
	Title     string   `json:"title" doc:"Title"`
	Tier      string   `json:"tier" enum:"mou,isa,work-instruction" doc:"Kind of agreement"`
	Version   uint64   `json:"version" doc:"The current version"`
	Newest    uint64   `json:"newest" doc:"The newest version; above version while an amendment is open or has not started"`
	State     string   `json:"state" doc:"proposed, approved, in-force, under-review, suspended, withdrawn, terminated, superseded or expired"`
	Parties   []string `json:"parties" doc:"Organisation ids"`
	Missing   []string `json:"missing,omitempty" doc:"Parties that have not signed this version"`
	Purposes  []string `json:"purposes" doc:"PurposeOfUse codes"`
	Start     string   `json:"start" doc:"First day" example:"2027-01-31"`
	End       string   `json:"end" doc:"Last day"`
	ReviewDue string   `json:"reviewDue" doc:"Day by which it must be reviewed"`
}

// AgreementQuery narrows a list. The zero value asks for all agreements.
type AgreementQuery struct {
	Party string // organisation id
	State string // a state
	// Due asks for agreements in force, under review or suspended whose review or end falls within
	// so many days. 0 does not ask.
	Due int
}

// Agreements returns all agreements that match q.
func (c *Client) Agreements(ctx context.Context, q AgreementQuery) (*Agreements, error) {
	v := url.Values{}
	for name, value := range map[string]string{"party": q.Party, "state": q.State} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Due != 0 {
		v.Set("due", strconv.Itoa(q.Due))
	}
	var all *Agreements
	for {
		page, err := get[Agreements](ctx, c, request{method: http.MethodGet, path: withQuery("/v1/agreements", v)})
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = page
		} else {
			all.Agreements = append(all.Agreements, page.Agreements...)
		}
		if page.Next == "" || page.Next == v.Get("after") {
			all.Next = ""
			return all, nil
		}
		v.Set("after", page.Next)
	}
}

func withQuery(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// Agreement is the answer to GET /v1/agreements/{id}.
type Agreement struct {
	ID       string             `json:"id" doc:"Id of the agreement"`
	At       string             `json:"at" doc:"RFC 3339, by the ledger's clock: the time of these states"`
	Version  uint64             `json:"version" doc:"The current version"`
	State    string             `json:"state" doc:"Its state"`
	Versions []AgreementVersion `json:"versions" doc:"All versions, oldest first"`
	History  []AgreementEntry   `json:"history" doc:"Every entry of the log about it, oldest first"`
}

// AgreementVersion is a version of an agreement with its signatures.
type AgreementVersion struct {
	Version    uint64               `json:"version" doc:"Number of the version"`
	State      string               `json:"state" doc:"Its state"`
	By         string               `json:"by" doc:"Organisation that proposed it"`
	Index      uint64               `json:"index" doc:"Position of the proposal in the log"`
	Proposal   wire.Hash            `json:"proposal" doc:"Identity of the proposal, which signatures name: SHA-256 of header.payload, base64url"`
	Signatures []AgreementSigned    `json:"signatures" doc:"In log order"`
	Missing    []string             `json:"missing,omitempty" doc:"Parties that have not signed"`
	Suspended  []string             `json:"suspended,omitempty" doc:"Organisations that suspended it and have not resumed it"`
	Text       *entry.AgreementText `json:"text" doc:"What the parties sign"`
}

// AgreementSigned is the signature of one party.
type AgreementSigned struct {
	Organisation string `json:"organisation" doc:"Who signed"`
	KID          string `json:"kid" doc:"Thumbprint of the key that signed (RFC 7638)"`
	Index        uint64 `json:"index" doc:"Position in the log"`
	At           string `json:"at" doc:"RFC 3339, as the signer states it"`
}

// AgreementEntry is an entry about an agreement.
type AgreementEntry struct {
	Index        uint64 `json:"index" doc:"Position in the log"`
	Type         string `json:"type" enum:"agreement,agreement-signature,agreement-act" doc:"Type of the entry"`
	Organisation string `json:"organisation" doc:"Organisation that signed the entry"`
	KID          string `json:"kid" doc:"Thumbprint of the key that signed (RFC 7638)"`
	At           string `json:"at" doc:"RFC 3339, as the issuer states it"`
	Version      uint64 `json:"version" doc:"Version that the entry is about"`
	Act          string `json:"act,omitempty" doc:"For an act: withdraw, review, confirm, suspend, resume or terminate"`
	Reason       string `json:"reason,omitempty" doc:"For an act: the reason, in words"`
}

// Agreement returns an agreement with all its versions, signatures and acts.
func (c *Client) Agreement(ctx context.Context, id string) (*Agreement, error) {
	return get[Agreement](ctx, c, request{method: http.MethodGet, path: "/v1/agreements/" + url.PathEscape(id)})
}

// SharingRequests is the answer to GET /v1/requests.
type SharingRequests struct {
	Requests []SharingRequest `json:"requests" doc:"By id"`
}

// SharingRequest is a request for data and its answer.
type SharingRequest struct {
	ID           string         `json:"id" doc:"Id of the request"`
	Index        uint64         `json:"index" doc:"Position in the log"`
	Organisation string         `json:"organisation" doc:"Who asks"`
	Holder       string         `json:"holder" doc:"Who is asked"`
	At           string         `json:"at" doc:"RFC 3339, as the asking organisation states it"`
	Data         string         `json:"data" doc:"Data that is asked for"`
	Purpose      string         `json:"purpose" doc:"Purpose in words"`
	Codes        []string       `json:"codes" doc:"PurposeOfUse codes"`
	Necessity    string         `json:"necessity" doc:"Why it is needed"`
	LegalPower   string         `json:"legalPower" doc:"Law that lets the holder share"`
	Agreement    string         `json:"agreement,omitempty" doc:"Agreement that is already in place"`
	By           string         `json:"by" doc:"Post of the person who asks, not their name"`
	Needed       string         `json:"needed,omitempty" doc:"Day by which it is needed"`
	Answer       *SharingAnswer `json:"answer,omitempty" doc:"Absent until the holder answers"`
}

// SharingAnswer is the holder's answer.
type SharingAnswer struct {
	Index     uint64   `json:"index" doc:"Position in the log"`
	At        string   `json:"at" doc:"RFC 3339, as the holder states it"`
	Decision  string   `json:"decision" enum:"agreed,agreed-in-part,refused" doc:"The answer"`
	Reasons   string   `json:"reasons" doc:"Why"`
	Article6  []string `json:"article6,omitempty" doc:"UK GDPR Article 6(1): a to f"`
	Article9  []string `json:"article9,omitempty" doc:"UK GDPR Article 9(2): a to j"`
	Condition string   `json:"dpaCondition,omitempty" doc:"Data Protection Act 2018 Schedule 1"`
	DPIA      string   `json:"dpia" doc:"Whether an impact assessment was considered, and its outcome"`
	Opinion   string   `json:"dpoOpinion,omitempty" doc:"Opinion of the data protection officer"`
	Retention string   `json:"retention,omitempty" doc:"How long the data is kept"`
	Security  string   `json:"security,omitempty" doc:"How it is kept safe"`
	Rights    string   `json:"rights,omitempty" doc:"How individuals' rights are met"`
	Interval  string   `json:"interval,omitempty" doc:"Once, or how often"`
	By        string   `json:"by" doc:"Post of the person who decided, not their name"`
	Agreement string   `json:"agreement,omitempty" doc:"Agreement under which it is shared"`
}

// SharingRequests returns all requests for data, with their answers.
func (c *Client) SharingRequests(ctx context.Context) ([]SharingRequest, error) {
	r, err := get[SharingRequests](ctx, c, request{method: http.MethodGet, path: "/v1/requests"})
	if err != nil {
		return nil, err
	}
	return r.Requests, nil
}

// Policies is the answer to GET /v1/policies.
type Policies struct {
	InUse  uint64      `json:"inUse" doc:"Version of the set in use; 0: the built-in one"`
	Sets   []PolicySet `json:"sets" doc:"All sets, version 0 first; a verdict names the version that it follows"`
	Schema string      `json:"schema" doc:"Cedar schema of the facts that policies refer to"`
}

// PolicySet is one version of the policies.
type PolicySet struct {
	Version      uint64    `json:"version" doc:"0: built into the software"`
	Index        uint64    `json:"index,omitzero" doc:"Position in the log; absent for the built-in set"`
	Organisation string    `json:"organisation,omitempty" doc:"Registrar that put it in use"`
	At           string    `json:"at,omitempty" doc:"RFC 3339, as the registrar states it"`
	Reason       string    `json:"reason,omitempty" doc:"Why it was changed"`
	Hash         wire.Hash `json:"hash" doc:"SHA-256 of text, base64url"`
	Text         string    `json:"text" doc:"Cedar policies"`

	Terminology []wire.Hash `json:"terminology,omitempty" doc:"SHA-256 of the files of code systems that it rests on, base64url"`
}

// Policies returns all policy sets of the log.
func (c *Client) Policies(ctx context.Context) (*Policies, error) {
	return get[Policies](ctx, c, request{method: http.MethodGet, path: "/v1/policies"})
}
