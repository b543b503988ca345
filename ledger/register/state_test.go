package register_test

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

const (
	origin = "register.test/2026"
	iat    = 1795305600 // 2026-11-22T00:00:00Z
)

// world is the cast of a log: the three founders and a health board that is a source.
type world struct {
	testing.TB
	registrar, enroller, operator, board *wire.Signer
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t}
	for _, s := range []**wire.Signer{&w.registrar, &w.enroller, &w.operator, &w.board} {
		*s = w.signer()
	}
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// want holds an error's code.
func (w *world) want(err error, code wire.Code) {
	w.Helper()
	if !errors.Is(err, code) {
		w.Errorf("got %v, want %s", err, code)
	}
}

func (w *world) signer() *wire.Signer {
	w.Helper()
	s, err := wire.GenerateSigner(wire.EdDSA)
	w.ok(err)
	return s
}

func (w *world) by(org string) entry.Common {
	return entry.Common{Issuer: org, Audience: origin, IssuedAt: iat, ID: uuid.NewString()}
}

func (w *world) sign(s *wire.Signer, b entry.Body) *entry.Entry {
	w.Helper()
	e, err := entry.Sign(s, b)
	w.ok(err)
	return e
}

// forge returns the entry of b that a stranger signs in the name of the key kid.
func (w *world) forge(kid string, b entry.Body) *entry.Entry {
	w.Helper()
	e := w.sign(w.signer(), b)
	jws := *e.JWS
	jws.KID = kid
	e.JWS = &jws
	return e
}

func (w *world) prove(s *wire.Signer, org string) string {
	w.Helper()
	p, err := entry.ProveKey(s, origin, org)
	w.ok(err)
	return p
}

func (w *world) counter(s *wire.Signer, c entry.Countersignature) string {
	w.Helper()
	c.Audience, c.IssuedAt = origin, iat
	compact, err := entry.Countersign(s, c)
	w.ok(err)
	return compact
}

func member(id string, roles ...entry.Role) entry.Member {
	return entry.Member{ID: id, Name: "The " + id, Kind: "regulator", Roles: roles}
}

func public(s *wire.Signer, purposes ...entry.Purpose) entry.PublicKey {
	return entry.PublicKey{JWK: s.Public, Purposes: purposes}
}

func (w *world) genesis() *entry.Genesis {
	w.Helper()
	_, logKey, err := wire.NewLogKey(origin)
	w.ok(err)
	party := func(id string, role entry.Role, s *wire.Signer) entry.GenesisParty {
		return entry.GenesisParty{Member: member(id, role), Key: public(s, entry.PurposeAdminister, entry.PurposeSubmit)}
	}
	return &entry.Genesis{
		Common: w.by("registry"), Formats: entry.FormatsV1, VRFKey: wire.NewVRFKey().Public(), LogKey: logKey, IndexLag: 8,
		Registrar: party("registry", entry.RoleRegistrar, w.registrar),
		Enroller:  party("guardian", entry.RoleEnroller, w.enroller),
		Operator:  party("operator", entry.RoleOperator, w.operator),
		Proofs:    []string{w.prove(w.registrar, "registry"), w.prove(w.enroller, "guardian"), w.prove(w.operator, "operator")},
	}
}

// enrol registers an organisation, countersigned by the founding enroller.
func (w *world) enrol(m entry.Member) *entry.Organisation {
	w.Helper()
	return &entry.Organisation{Common: w.by("registry"), Organisation: m, Counter: w.counter(w.enroller, entry.Countersignature{Issuer: "guardian", Organisation: &m})}
}

// firstKey registers the first key of an organisation, countersigned by the founding enroller.
func (w *world) firstKey(org string, s *wire.Signer, purposes ...entry.Purpose) *entry.Key {
	w.Helper()
	k := public(s, purposes...)
	return &entry.Key{Common: w.by("registry"), Org: org, Key: k, Proof: w.prove(s, org), Counter: w.counter(w.enroller, entry.Countersignature{Issuer: "guardian", Org: org, Key: &k})}
}

func (w *world) revoke(iss, org, kid string, suspect *uint64) *entry.KeyRevocation {
	return &entry.KeyRevocation{Common: w.by(iss), Org: org, KID: kid, Reason: "compromised", SuspectFrom: suspect}
}

func (w *world) access() *entry.Access {
	return &entry.Access{Common: w.by("board"), Source: "portal", Action: "R", Outcome: "0", Recorded: "2026-11-22T00:00:00Z", Sub: "chi:0101011237"}
}

func (w *world) policies() *entry.PolicySet {
	const text = "permit (principal, action, resource);"
	return &entry.PolicySet{Common: w.by("registry"), Version: 1, Schema: entry.SchemaV1, Text: text, Hash: wire.Hash(sum(text)), Reason: "as decided"}
}

// founded is a state after genesis, board and the board's key: entries 0 to 2.
func (w *world) founded(rules register.Rules) register.State {
	w.Helper()
	s := register.NewState(origin, rules)
	w.ok(s.Step(w.sign(w.registrar, w.genesis()), 0))
	w.ok(s.Step(w.sign(w.registrar, w.enrol(member("board", entry.RoleController, entry.RoleSource))), 1))
	w.ok(s.Step(w.sign(w.registrar, w.firstKey("board", w.board, entry.PurposeAdminister, entry.PurposeSubmit)), 2))
	return s
}

// counting are rules that count what they admitted, and refuse policy sets if they are told to. As
// register.Rules asks, a value does not change.
type counting struct {
	register.Rules
	admitted int
	refuses  bool
	t        testing.TB
}

func (c counting) Admit(e *entry.Entry, index uint64, reg *register.Register) (register.Rules, error) {
	if o, ok := e.Body.(*entry.Organisation); ok && reg.Organisation(o.Organisation.ID) == nil {
		c.t.Error("an organisation is admitted before it is in the register")
	}
	if c.refuses && e.Type == entry.TypePolicySet {
		return nil, wire.Errorf(register.BadPolicySet, "policy set", "refused")
	}
	c.admitted++
	return c, nil
}

// Each of the three parts of a step can refuse, in their order, and then nothing has happened.
func TestStepRefusedChangesNothing(t *testing.T) {
	w := newWorld(t)
	other := member("other", entry.RoleController)
	alone := w.enrol(other)
	alone.Counter = ""
	for _, c := range []struct {
		name string
		e    *entry.Entry
		want wire.Code
	}{
		{"verify: not the key's signature", w.forge(w.registrar.KID, w.enrol(other)), wire.BadSignature},
		{"verify: a policy set that rules would refuse, not the key's signature", w.forge(w.registrar.KID, w.policies()), wire.BadSignature},
		{"verify: another's key", w.sign(w.board, w.policies()), wire.WrongIssuer},
		{"verify: a purpose that the key lacks", w.sign(w.registrar, &entry.AgreementAct{Common: w.by("registry"), Agreement: "a", Version: 1, Act: "review", Reason: "r"}), wire.WrongPurpose},
		{"apply: without countersignature", w.sign(w.registrar, alone), wire.NotCountersigned},
		{"apply: the last registrar", w.sign(w.registrar, w.revoke("registry", "registry", w.registrar.KID, nil)), wire.RegisterConflict},
		{"admit", w.sign(w.registrar, w.policies()), register.BadPolicySet},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.founded(counting{refuses: true, t: t})
			before := s.Clone()
			w := &world{TB: t}
			w.want(s.Step(c.e, 3), c.want)
			if !reflect.DeepEqual(s, before) {
				t.Error("the state is another")
			}
		})
	}
}

// Rules are asked of what governs or changes the register, and of nothing else; without rules only
// the register grows.
func TestStepAdmits(t *testing.T) {
	w := newWorld(t)
	s := w.founded(counting{t: t})
	for i, c := range []struct {
		e    *entry.Entry
		want int
	}{
		{w.sign(w.registrar, w.policies()), 4},
		{w.sign(w.board, w.access()), 4},
		{w.sign(w.operator, &entry.IndexRoot{Common: w.by("operator"), Size: 1, Root: wire.Hash{1}}), 4},
		{w.sign(w.board, w.revoke("board", "board", w.board.KID, nil)), 5},
	} {
		w.ok(s.Step(c.e, uint64(3+i)))
		if got := s.Rules.(counting).admitted; got != c.want {
			t.Errorf("after %s: %d admitted, want %d", c.e.Type, got, c.want)
		}
	}
	bare := w.founded(nil)
	w.ok(bare.Step(w.sign(w.registrar, w.policies()), 3))
	if bare.Rules != nil {
		t.Error("a state without rules has some now")
	}
}

// The caller of StepSigned has checked the signature, not whether the key may sign at that index.
func TestStepSignedAsksWhetherTheKeyMay(t *testing.T) {
	w := newWorld(t)
	base := w.founded(nil)
	w.ok(base.Step(w.sign(w.board, w.revoke("board", "board", w.board.KID, nil)), 5))
	for _, c := range []struct {
		name  string
		e     *entry.Entry
		index uint64
		want  wire.Code
	}{
		{"before it counts", w.sign(w.board, w.access()), 2, wire.InactiveKey},
		{"after its revocation", w.sign(w.board, w.access()), 6, wire.RevokedKey},
		{"unknown", w.sign(w.signer(), w.access()), 3, wire.UnknownKey},
		{"of another organisation", w.sign(w.operator, w.access()), 3, wire.WrongIssuer},
		{"of no source", w.sign(w.registrar, &entry.Heartbeat{
			Common: entry.Common{Issuer: "registry", Audience: origin, IssuedAt: iat, ID: entry.HeartbeatID(origin, "registry", "x", "2026-11-20")},
			Source: "x", Day: "2026-11-20", Interval: 3600}), 3, wire.WrongPurpose},
		{"of no registrar", w.sign(w.board, &entry.PolicySet{Common: w.by("board"), Version: 1, Schema: entry.SchemaV1, Text: "x", Hash: wire.Hash(sum("x")), Reason: "r"}), 3, wire.WrongPurpose},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := base.Clone()
			w := &world{TB: t}
			w.want(s.StepSigned(c.e, c.index), c.want)
			if !reflect.DeepEqual(s, base) {
				t.Error("the state is another")
			}
		})
	}
	s := base.Clone()
	w.ok(s.StepSigned(w.sign(w.board, w.access()), 5))
}

// What happens to a copy does not happen to the original: a countersignature is spent in one of
// them.
func TestClonesAreApart(t *testing.T) {
	w := newWorld(t)
	s := w.founded(nil)
	e := w.sign(w.registrar, w.enrol(member("other", entry.RoleController)))
	c := s.Clone()
	w.ok(c.Step(e, 3))
	if s.Register.Organisation("other") != nil {
		t.Error("what the copy registered is in the original")
	}
	w.ok(s.Step(e, 3))
}

// A countersignature that does not verify is not used up: else anybody could burn one that they
// have seen.
func TestForgedCounterSpendsNothing(t *testing.T) {
	w := newWorld(t)
	s := w.founded(nil)
	good := w.enrol(member("other", entry.RoleController))
	bad := *good
	bad.ID = uuid.NewString()
	bad.Counter = good.Counter[:len(good.Counter)-86] + wire.Encode64(make([]byte, 64))
	w.want(s.Step(w.sign(w.registrar, &bad), 3), wire.BadSignature)
	w.ok(s.Step(w.sign(w.registrar, good), 3))
}

// An operator that is an enroller as well countersigns nothing, be it the founding one or a later
// one.
func TestNoOperatorCountersigns(t *testing.T) {
	w := newWorld(t)
	s := w.founded(nil)
	w.ok(s.Step(w.sign(w.registrar, w.enrol(member("second", entry.RoleEnroller, entry.RoleOperator))), 3))
	key := w.signer()
	w.ok(s.Step(w.sign(w.registrar, w.firstKey("second", key, entry.PurposeAdminister)), 4))
	o := w.enrol(member("other", entry.RoleController))
	o.Counter = w.counter(key, entry.Countersignature{Issuer: "second", Organisation: &o.Organisation})
	w.want(s.Step(w.sign(w.registrar, o), 5), wire.NotCountersigned)
	// Once it is no operator any more, it does.
	w.ok(s.Step(w.sign(w.registrar, &entry.Organisation{Common: w.by("registry"), Organisation: member("second", entry.RoleEnroller)}), 5))
	w.ok(s.Step(w.sign(w.registrar, o), 6))
}

// A key is revoked by its organisation or a registrar, not by whoever runs the log; from when it
// was suspect is kept.
func TestRevocation(t *testing.T) {
	w := newWorld(t)
	s := w.founded(nil)
	two := uint64(2)
	w.want(s.Step(w.sign(w.operator, w.revoke("operator", "board", w.board.KID, &two)), 3), wire.WrongIssuer)
	w.want(s.Step(w.sign(w.enroller, w.revoke("guardian", "board", w.board.KID, &two)), 3), wire.WrongIssuer)
	w.ok(s.Step(w.sign(w.registrar, w.revoke("registry", "board", w.board.KID, &two)), 3))
	if k := s.Register.Key(w.board.KID); !k.Revoked || k.RevokedAt != 3 || k.SuspectFrom == nil || *k.SuspectFrom != 2 || k.Reason != "compromised" {
		t.Errorf("kept as %+v", k)
	}
}

// Of a part of the log it cannot be told whether a registrar remains.
func TestPartialRegister(t *testing.T) {
	w := newWorld(t)
	s := w.founded(nil)
	s.Register.Partial = true
	w.ok(s.Step(w.sign(w.registrar, w.revoke("registry", "registry", w.registrar.KID, nil)), 3))
}

// Who links two ids is held against them only where they are shown.
func TestWithheldLinkIsNotJudged(t *testing.T) {
	w := newWorld(t)
	s := w.founded(nil)
	key := w.signer()
	w.ok(s.Step(w.sign(w.registrar, w.firstKey("board", key, entry.PurposeAgreements)), 3))
	link := func(sub, other string) *entry.Entry {
		return w.sign(key, &entry.Link{Common: w.by("board"), Act: "linked", Reason: "one person", Sub: sub, Other: other})
	}
	shown := link("chi:0101011237", "temp:boardroom:1") // given by another organisation, whose id begins alike
	w.want(s.Register.Authorise(shown, 4), wire.WrongPurpose)
	withheld, err := entry.ParseParts(shown.Compact, nil)
	w.ok(err)
	w.ok(s.Register.Verify(withheld, 4))
	w.ok(s.Register.Authorise(link("chi:0101011237", "temp:board:1"), 4))
	w.ok(s.Register.Authorise(link("temp:board:1", "chi:0101011237"), 4))
}

// Authorise and Apply do not rely on what was checked before them.
func TestRegisterAlone(t *testing.T) {
	w := newWorld(t)
	g := w.sign(w.operator, w.genesis())
	r := register.New(origin)
	w.want(r.Apply(g, 0), wire.BadGenesis)
	if r.Genesis != nil || len(r.Organisations()) != 0 || len(r.Keys("")) != 0 {
		t.Error("a genesis that its registrar did not sign left a trace")
	}
	s := w.founded(nil)
	e := w.sign(w.board, w.access())
	e.Type = "none"
	w.want(s.Register.Authorise(e, 3), wire.UnknownType)
}

func sum(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }
