package entry

// kind is one row of the table of entry types: everything that depends on the type.
type kind struct {
	name    Type
	new     func() Body
	is      func(Body) bool   // reports whether the body is of this type
	sealed  bool              // goes into a sealed leaf
	purpose Purpose           // of the key that signs it
	role    Role              // of the organisation that signs it; "" for any
	effect  effect            // of a public entry, on the entries after it
	history func(Body) string // returns the name of its public history; nil for sealed types
}

// effect is what a public entry changes for the entries after it.
type effect int

const (
	states          effect = iota // changes nothing
	changesRegister               // changes organisations and keys (register.Register.Apply)
	governs                       // changes what covers an access (register.Rules.Admit)
)

// kinds is the table of entry types. To add a type, add its row here and its name to the constants
// of Type. The constructors take every column, so a row cannot leave one out. Package register has
// further rules on who may sign genesis and link entries.
var kinds = []kind{
	public(TypeGenesis, PurposeAdminister, RoleRegistrar, changesRegister,
		func(*Genesis) string { return "genesis" }),
	public(TypeOrganisation, PurposeAdminister, RoleRegistrar, changesRegister,
		func(b *Organisation) string { return "org:" + b.Organisation.ID }),
	public(TypeKey, PurposeAdminister, anyRole, changesRegister,
		func(b *Key) string { return "key:" + b.Key.JWK.Thumbprint() }),
	public(TypeKeyRevocation, PurposeAdminister, anyRole, changesRegister,
		func(b *KeyRevocation) string { return "key:" + b.KID }),
	public(TypeIndexRoot, PurposeSubmit, RoleOperator, states,
		func(*IndexRoot) string { return IndexRootHistory }),
	public(TypeHeartbeat, PurposeSubmit, RoleSource, states,
		func(b *Heartbeat) string { return StreamName(b.Issuer, b.Source) }),
	public(TypeAgreement, PurposeAgreements, anyRole, governs,
		func(b *Agreement) string { return "agreement:" + b.Agreement.ID }),
	public(TypeAgreementSignature, PurposeAgreements, anyRole, governs,
		func(b *AgreementSignature) string { return "agreement:" + b.Agreement }),
	public(TypeAgreementAct, PurposeAgreements, anyRole, governs,
		func(b *AgreementAct) string { return "agreement:" + b.Agreement }),
	public(TypeSharingRequest, PurposeAgreements, anyRole, governs,
		func(b *SharingRequest) string { return "request:" + b.Request }),
	public(TypeSharingDecision, PurposeAgreements, anyRole, governs,
		func(b *SharingDecision) string { return "request:" + b.Request }),
	public(TypePolicySet, PurposeAdminister, RoleRegistrar, governs,
		func(*PolicySet) string { return PoliciesHistory }),

	sealed[Access](TypeAccess, PurposeSubmit, RoleSource),
	sealed[Consent](TypeConsent, PurposeAgreements, anyRole),
	sealed[Delegation](TypeDelegation, PurposeAgreements, anyRole),
	sealed[Decision](TypeDecision, PurposeSubmit, RoleOperator),
	sealed[Link](TypeLink, PurposeAgreements, anyRole),
	sealed[SourceCount](TypeSourceCount, PurposeSubmit, RoleSource),
}

const anyRole Role = ""

// public returns the row of a type whose entries everyone may read.
func public[B any, P interface {
	*B
	Body
}](name Type, purpose Purpose, role Role, does effect, history func(P) string) kind {
	return kind{
		name: name, new: func() Body { return P(new(B)) }, is: isOf[P],
		purpose: purpose, role: role, effect: does, history: func(b Body) string { return history(b.(P)) },
	}
}

// sealed returns the row of a type whose entries are about a person, or hold numbers that concern
// people.
func sealed[B any, P interface {
	*B
	sealedBody
}](name Type, purpose Purpose, role Role) kind {
	return kind{
		name: name, new: func() Body { return P(new(B)) }, is: isOf[P],
		sealed: true, purpose: purpose, role: role,
	}
}

func isOf[P Body](b Body) bool {
	_, ok := b.(P)
	return ok
}

var kindOf = func() map[Type]*kind {
	byName := make(map[Type]*kind, len(kinds))
	for i := range kinds {
		byName[kinds[i].name] = &kinds[i]
	}
	return byName
}()

var unknownKind kind

// kind returns the type's row, or an empty one if the type is unknown.
func (t Type) kind() *kind {
	if k := kindOf[t]; k != nil {
		return k
	}
	return &unknownKind
}

// Sealed reports whether entries of the type go into sealed leaves, because they are about a person
// or hold numbers that concern people. Entries of other types are public.
func (t Type) Sealed() bool { return t.kind().sealed }

// ChangesRegister reports whether entries of the type change which organisations and keys there
// are.
func (t Type) ChangesRegister() bool { return t.kind().effect == changesRegister }

// Governs reports whether entries of the type change what covers an access. Such entries are passed
// to register.Rules.Admit.
func (t Type) Governs() bool { return t.kind().effect == governs }

// Authority returns the purpose that the signing key of an entry of the type must have, and the
// role that its organisation must have; "" means any role. If the type is unknown, both are "".
func (t Type) Authority() (Purpose, Role) { return t.kind().purpose, t.kind().role }

// Name returns the public history that a public entry belongs to, such as "org:<id>". For a sealed
// entry it returns "".
func (e *Entry) Name() string {
	history := e.Type.kind().history
	if history == nil {
		return ""
	}
	return history(e.Body)
}
