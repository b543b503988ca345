package cosign

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Policy states what a verifier trusts: the logs it knows and the cosigners it requires. It comes
// from the verifier, never from the log. Its text is C2SP tlog-policy:
//
//	log <vkey> [<url>]
//	witness <name> <vkey> [<url>]
//	group <name> all|any|<k> <name>…
//	quorum <name>|none
//
// The quorum decides whether a checkpoint is accepted. Two names have a meaning here. The group (or
// single cosigner) "witnesses" states that the log only grows and is the same for everyone. The
// group "auditors" states also that its members recomputed the subject index. A policy that
// requires both has the lines
//
//	group both all witnesses auditors
//	quorum both
type Policy struct {
	Logs      []PolicyLog
	Cosigners []*Cosigner // in the order of the file
	quorum    *Group      // nil: none
	names     map[string]*Group
}

// PolicyLog is a log that a policy knows, by one key or several. A checkpoint is the log's if one
// of the keys signed it, and no line that bears the name and id of another is false.
type PolicyLog struct {
	Origin    string
	Verifiers []note.Verifier // of the keys whose algorithm is known
	URL       string          // of the first line that has one; "" if none
	keys      []verifierKey   // in the order of the file
}

// Has reports whether this verifier key is one of the log's.
func (l *PolicyLog) Has(vkey string) bool {
	return slices.ContainsFunc(l.keys, func(k verifierKey) bool { return k.text == vkey })
}

// holds reports whether this public key is one of the log's, whatever its algorithm.
func (l *PolicyLog) holds(public []byte) bool {
	return slices.ContainsFunc(l.keys, func(k verifierKey) bool { return bytes.Equal(k.public, public) })
}

// LogKey is a key of type 0x01 (Ed25519), as a log's genesis names it.
type LogKey struct {
	VKey string // verifier key
	note.Verifier
}

// GenesisKeys returns those keys of the log that its genesis can name.
func (l *PolicyLog) GenesisKeys() []LogKey {
	var list []LogKey
	for _, k := range l.keys {
		if k.algorithm != algorithmNote {
			continue
		}
		if v, err := logVerifier(k); err == nil && v != nil {
			list = append(list, LogKey{k.text, v})
		}
	}
	return list
}

// The names of groups that have a meaning here.
const (
	GroupWitnesses = "witnesses"
	GroupAuditors  = "auditors"
)

// Group is a single cosigner, or a group of groups of which k must have cosigned.
type Group struct {
	Name     string
	cosigner *Cosigner
	k        int
	of       []*Group
	grouped  bool // in a group already: a member is in one group only
}

// PolicyError says which line of a policy is wrong. Lines are counted from 1; 0 means the file as a
// whole.
type PolicyError struct {
	Line   int
	Reason string
}

// Error returns the line, if there is one, and the reason.
func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return "policy: " + e.Reason
	}
	return fmt.Sprintf("policy line %d: %s", e.Line, e.Reason)
}

// maxPolicy bounds a policy file in bytes.
const maxPolicy = 1 << 20

// PolicyForLog returns the policy that knows one log and requires no cosigner. Its user trusts the
// operator alone about what the log holds.
func PolicyForLog(vkey string) (*Policy, error) {
	p := &Policy{names: map[string]*Group{}}
	if err := p.addLog([]string{strings.TrimSpace(vkey)}); err != nil {
		return nil, wire.Errorf(wire.BadCheckpoint, "log verifier key", "%v", err)
	}
	if len(p.Logs[0].Verifiers) == 0 {
		return nil, wire.Errorf(wire.BadCheckpoint, "log verifier key", "its algorithm is not known here")
	}
	return p, nil
}

// ParsePolicy reads a policy file strictly. It must have at least one log line and exactly one
// quorum line. The error is a *PolicyError.
func ParsePolicy(data []byte) (*Policy, error) {
	switch {
	case len(data) > maxPolicy:
		return nil, &PolicyError{0, fmt.Sprintf("%d bytes, at most %d", len(data), maxPolicy)}
	case !wire.EditorFault(data).IsZero():
		return nil, &PolicyError{0, wire.EditorFault(data).String()}
	case len(data) == 0 || data[len(data)-1] != '\n':
		return nil, &PolicyError{0, "does not end in a line feed: it may have been cut short"}
	}
	p := &Policy{names: map[string]*Group{}}
	quorums := 0
	for i, line := range bytes.Split(data[:len(data)-1], []byte("\n")) {
		if slices.ContainsFunc(line, func(b byte) bool { return b < 0x20 && b != '\t' || b == 0x7f }) {
			return nil, &PolicyError{i + 1, controlCharacter(line)}
		}
		words := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		var err error
		switch keyword, args := words[0], words[1:]; keyword {
		case "log":
			err = p.addLog(args)
		case "witness":
			err = p.addCosigner(args)
		case "group":
			err = p.addGroup(args)
		case "quorum":
			quorums++
			err = p.setQuorum(args)
		default:
			err = fmt.Errorf("must begin with log, witness, group or quorum")
		}
		if err != nil {
			return nil, &PolicyError{i + 1, err.Error()}
		}
	}
	if quorums != 1 {
		return nil, &PolicyError{0, fmt.Sprintf(
			"has %d quorum lines, want exactly one (use quorum none to require no cosigner)", quorums)}
	}
	if len(p.Logs) == 0 {
		return nil, &PolicyError{0, "has no log line: add one for the log whose checkpoints you accept"}
	}
	return p, nil
}

// controlCharacter says what to do about a line with a control character other than a tab.
func controlCharacter(line []byte) string {
	if f := wire.LineFault(line); !f.IsZero() {
		return "has a control character: " + f.String()
	}
	return "has a control character: remove it; only tabs and line feeds are allowed"
}

func (p *Policy) addLog(args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return fmt.Errorf("want log <vkey> [<url>]")
	}
	k, err := parseKey(args[0])
	if err != nil {
		return err
	}
	if p.holds(k.public) {
		return fmt.Errorf("the key of this log occurs twice")
	}
	v, err := logVerifier(k)
	if err != nil {
		return err
	}
	l := p.Log(k.name)
	if l == nil {
		p.Logs = append(p.Logs, PolicyLog{Origin: k.name})
		l = &p.Logs[len(p.Logs)-1]
	}
	l.keys = append(l.keys, k)
	if v != nil {
		l.Verifiers = append(l.Verifiers, v)
	}
	if len(args) == 2 && l.URL == "" {
		l.URL = args[1]
	}
	return nil
}

// logVerifier returns what verifies a log's own signatures, or nil if it can have made none that we
// can read: because the algorithm is unknown, or the name cannot be the origin of a log of ours.
func logVerifier(k verifierKey) (note.Verifier, error) {
	if wire.CheckOrigin(k.name) != nil {
		return nil, nil
	}
	if k.algorithm == algorithmNote {
		return wire.NewLogVerifier(k.text)
	}
	c, err := open(k)
	if err != nil || !c.Known() {
		return nil, err
	}
	return logCosigner{c}, nil
}

// logCosigner verifies checkpoints of a log that signs them in the way of a cosigner, as C2SP
// tlog-checkpoint advises. The time may be 0.
type logCosigner struct{ *Cosigner }

func (l logCosigner) Name() string    { return l.KeyName }
func (l logCosigner) KeyHash() uint32 { return binary.BigEndian.Uint32(l.key.id[:]) }

func (l logCosigner) Verify(text, sig []byte) bool {
	head, err := proof.ParseCheckpointText(string(text))
	if err != nil {
		return false
	}
	_, err = l.check(sig, head)
	return err == nil
}

func (p *Policy) addCosigner(args []string) error {
	if len(args) != 2 && len(args) != 3 {
		return fmt.Errorf("want witness <name> <vkey> [<url>]")
	}
	c, err := New(args[0], args[1])
	if err != nil {
		return err
	}
	for _, o := range p.Cosigners {
		if bytes.Equal(o.key.public, c.key.public) {
			return fmt.Errorf("has the key of witness %s: one cosigner would count twice", o.Name)
		}
	}
	if len(args) == 3 {
		c.URL = args[2]
	}
	p.Cosigners = append(p.Cosigners, c)
	return p.add(&Group{Name: c.Name, cosigner: c, k: 1})
}

// IsLog reports whether the cosigner has a key of one of the policy's logs. C2SP tlog-policy allows
// that, and it can be a way to require one of the log's keys; but it is the operator's own word.
func (p *Policy) IsLog(c *Cosigner) bool { return p.holds(c.key.public) }

func (p *Policy) holds(public []byte) bool {
	return slices.ContainsFunc(p.Logs, func(l PolicyLog) bool { return l.holds(public) })
}

func (p *Policy) addGroup(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("want group <name> all|any|<k> <name>…")
	}
	g := &Group{Name: args[0]}
	for _, name := range args[2:] {
		m := p.names[name]
		switch {
		case m == nil:
			return fmt.Errorf("%q is not defined above", name)
		case m.grouped:
			return fmt.Errorf("%q is already a member of a group", name)
		}
		m.grouped = true
		g.of = append(g.of, m)
	}
	switch k := args[1]; k {
	case "all":
		g.k = len(g.of)
	case "any":
		g.k = 1
	default:
		n, err := strconv.Atoi(k)
		if err != nil || strconv.Itoa(n) != k || n < 1 || n > len(g.of) {
			return fmt.Errorf("want all, any or 1 to %d members, not %q", len(g.of), k)
		}
		g.k = n
	}
	return p.add(g)
}

func (p *Policy) add(g *Group) error {
	if g.Name == "none" || p.names[g.Name] != nil {
		return fmt.Errorf("the name %q is taken", g.Name)
	}
	p.names[g.Name] = g
	return nil
}

func (p *Policy) setQuorum(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want quorum <name>|none")
	}
	if args[0] == "none" {
		return nil
	}
	p.quorum = p.names[args[0]]
	if p.quorum == nil {
		return fmt.Errorf("%q is not defined above", args[0])
	}
	return nil
}

// Log returns the log of this origin, or nil.
func (p *Policy) Log(origin string) *PolicyLog {
	for i := range p.Logs {
		if p.Logs[i].Origin == origin {
			return &p.Logs[i]
		}
	}
	return nil
}

// AsksNobody reports whether the quorum is none. The operator alone is then trusted.
func (p *Policy) AsksNobody() bool { return p.quorum == nil }

// Quorum returns what the policy requires, or nil if it requires no cosigner.
func (p *Policy) Quorum() *Group { return p.quorum }

// Group returns the group or single cosigner of this name, or nil.
func (p *Policy) Group(name string) *Group { return p.names[name] }

// Reached reports whether the cosigners with these names make the policy's quorum. Names are those
// of the policy's witness lines; unknown names are ignored.
func (p *Policy) Reached(names []string) bool {
	if p.AsksNobody() {
		return true
	}
	var sigs []Cosignature
	for _, c := range p.Cosigners {
		if slices.Contains(names, c.Name) {
			sigs = append(sigs, Cosignature{By: c})
		}
	}
	_, ok := p.quorum.AsOf(sigs)
	return ok
}

// AsOf returns the latest time at which g's quorum is still met by cosignatures of that time or
// later. A minority inside a group therefore cannot make a checkpoint look younger than its quorum
// saw it. Of several cosignatures by one cosigner, the latest counts; see Latest for times in the
// future. If not enough have cosigned, it returns false.
func (g *Group) AsOf(sigs []Cosignature) (time.Time, bool) {
	times := map[*Cosigner]time.Time{}
	for _, s := range sigs {
		if t, ok := times[s.By]; !ok || s.Time.After(t) {
			times[s.By] = s.Time
		}
	}
	return g.latest(times)
}

func (g *Group) latest(times map[*Cosigner]time.Time) (time.Time, bool) {
	if g.cosigner != nil {
		t, ok := times[g.cosigner]
		return t, ok
	}
	var have []time.Time
	for _, o := range g.of {
		if t, ok := o.latest(times); ok {
			have = append(have, t)
		}
	}
	if len(have) < g.k {
		return time.Time{}, false
	}
	slices.SortFunc(have, func(a, b time.Time) int { return b.Compare(a) })
	return have[g.k-1], true
}

// Cosigners returns all cosigners in g and its groups.
func (g *Group) Cosigners() []*Cosigner {
	if g.cosigner != nil {
		return []*Cosigner{g.cosigner}
	}
	var list []*Cosigner
	for _, o := range g.of {
		list = append(list, o.Cosigners()...)
	}
	return list
}

// Want describes what g requires, for example "2 of 3 of witnesses (a, b, c)".
func (g *Group) Want() string {
	if g.cosigner != nil {
		return g.Name
	}
	names := make([]string, len(g.of))
	for i, o := range g.of {
		names[i] = o.Name
	}
	return fmt.Sprintf("%d of %d of %s (%s)", g.k, len(g.of), g.Name, strings.Join(names, ", "))
}
