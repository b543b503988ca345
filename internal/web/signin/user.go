// Package signin lets people in: it knows who is at the browser, for how long and what they may do.
//
// People sign in at an OpenID provider, never here: the ledger holds no password. What the provider
// says of them becomes a User in a session, which lies encrypted on a shelf in the ledger's own
// database, so that every replica has it. A browser holds only a random token in a cookie.
//
// What it promises: a request has a User only if this browser was sent to the provider by us, came
// back with a code that the provider gave for it, and the provider's signed token is for us, new, and
// of the person; until the session ends by rest, by age, by signing out here or at the provider. What
// it does not promise: that the provider knows whom it lets in.
package signin

import (
	"context"
	"slices"
	"time"

	"igledger/ledger/entry"
)

// Kind is what a user is to the ledger. The same human being who is both signs in twice.
type Kind string

// The kinds.
const (
	Citizen Kind = "citizen"
	Staff   Kind = "staff"
)

// Permission is something that a member of staff may do for their organisation.
type Permission string

// The permissions.
const (
	Reports    Permission = "reports"    // read the organisation's own accesses and reports
	Agreements Permission = "agreements" // register and sign agreements
	FollowUp   Permission = "follow-up"  // record what was done about accesses that stand out
	FrontDesk  Permission = "front-desk" // print a person's history for them
	Administer Permission = "administer" // register keys of officers
	Audit      Permission = "audit"      // read as an auditor
)

// Permissions returns all permissions.
func Permissions() []Permission {
	return []Permission{Reports, Agreements, FollowUp, FrontDesk, Administer, Audit}
}

// User is who is signed in. It is in the context of a request, and must not be changed there.
type User struct {
	Kind Kind `json:"kind"`
	// ID is the entry id of a citizen, see entry.CheckID. It is a personal datum, as is Name: keep
	// both out of URLs, logs and metrics.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // as the provider spells it; may be empty

	// For staff: their organisation's id in the register, and themselves as accesses name them.
	Org   string       `json:"org,omitempty"`
	Staff entry.Staff  `json:"staff,omitzero"`
	May   []Permission `json:"may,omitempty"`

	Session string    `json:"session"` // random, the same from sign-in to sign-out: for the jti of readings
	Auth    time.Time `json:"auth"`    // when they last proved to the provider who they are
	ACR     string    `json:"acr,omitempty"`

	Issuer  string `json:"issuer"`  // name of the provider in the configuration
	Subject string `json:"subject"` // the provider's name for them, a personal datum
}

// Can reports whether the user has all of the permissions.
func (u *User) Can(permissions ...Permission) bool {
	if u == nil {
		return false
	}
	return !slices.ContainsFunc(permissions, func(p Permission) bool { return !slices.Contains(u.May, p) })
}

// DisplayName returns the name that pages show. It may be empty.
func (u *User) DisplayName() string {
	if u == nil {
		return ""
	}
	return u.Name
}

// IsStaff reports whether the user is a member of staff.
func (u *User) IsStaff() bool { return u != nil && u.Kind == Staff }

// Allowed is Can for a permission that is spelt out.
func (u *User) Allowed(permission string) bool { return u.Can(Permission(permission)) }

type contextKey struct{}

// visit is what a request's session says.
type visit struct {
	user  *User
	began time.Time
	hint  string   // of the session
	ended *session // the session that the browser's token was for, if it is over
	key   string   // of the session on its shelf
}

// From returns who is signed in, or nil.
func From(ctx context.Context) *User { return visitOf(ctx).user }

func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(contextKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}
