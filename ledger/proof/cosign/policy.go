package cosign

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

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

// PolicyLog is a log that a policy knows.
type PolicyLog struct {
	Key      string // verifier key
	URL      string // "" if not given
	Verifier note.Verifier
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
	vkey = strings.TrimSpace(vkey)
	v, err := wire.NewLogVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return &Policy{Logs: []PolicyLog{{Key: vkey, Verifier: v}}, names: map[string]*Group{}}, nil
}

// ParsePolicy reads a policy file strictly. It must have at least one log line and exactly one
// quorum line. The error is a *PolicyError.
func ParsePolicy(data []byte) (*Policy, error) {
	switch {
	case len(data) > maxPolicy:
		return nil, &PolicyError{0, fmt.Sprintf("%d bytes, at most %d", len(data), maxPolicy)}
	case len(data) == 0 || data[len(data)-1] != '\n':
		return nil, &PolicyError{0, "does not end in a line feed: it may have been cut short"}
	}
	p := &Policy{names: map[string]*Group{}}
	quorums := 0
	for i, line := range bytes.Split(data[:len(data)-1], []byte("\n")) {
		if slices.ContainsFunc(line, func(b byte) bool { return b < 0x20 && b != '\t' || b == 0x7f }) {
			return nil, &PolicyError{i + 1, "has a control character"}
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

func (p *Policy) addLog(args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return fmt.Errorf("want log <vkey> [<url>]")
	}
	v, err := wire.NewLogVerifier(args[0])
	if err != nil {
		return err
	}
	for _, l := range p.Logs {
		if keyMaterial(l.Key) == keyMaterial(args[0]) || l.Verifier.Name() == v.Name() {
			return fmt.Errorf("log key or name occurs twice")
		}
	}
	l := PolicyLog{Key: args[0], Verifier: v}
	if len(args) == 2 {
		l.URL = args[1]
	}
	p.Logs = append(p.Logs, l)
	return p.separate()
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
		if o.key.Equal(c.key) {
			return fmt.Errorf("has the key of witness %s: one cosigner would count twice", o.Name)
		}
	}
	if len(args) == 3 {
		c.URL = args[2]
	}
	p.Cosigners = append(p.Cosigners, c)
	if err := p.separate(); err != nil {
		return err
	}
	return p.add(&Group{Name: c.Name, cosigner: c, k: 1})
}

// separate refuses a log that is its own witness: its statement about itself would count as
// another's.
func (p *Policy) separate() error {
	for _, l := range p.Logs {
		for _, c := range p.Cosigners {
			if keyMaterial(l.Key) == string(c.key) {
				return fmt.Errorf("witness %s has the key of the log itself", c.Name)
			}
		}
	}
	return nil
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
		if p.Logs[i].Verifier.Name() == origin {
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

// keyMaterial returns the public key inside a verifier key, without its type.
func keyMaterial(vkey string) string {
	_, rest, _ := strings.Cut(vkey, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	raw, _ := base64.StdEncoding.DecodeString(encoded)
	if len(raw) == 0 {
		return ""
	}
	return string(raw[1:])
}
