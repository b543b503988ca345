package oracle

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Section 12: policies (C2SP tlog-policy) and cosignatures (C2SP tlog-cosignature).

type policy struct {
	logs      []verifierKey
	witnesses map[string]verifierKey // by name in the policy
	groups    map[string]group
	quorum    string // "none", a witness or a group
}

type group struct {
	need    int
	members []string
}

func readPolicy(text string) *policy {
	p := &policy{witnesses: map[string]verifierKey{}, groups: map[string]group{}}
	for _, c := range []byte(text) {
		must(c == '\t' || c == '\n' || c >= 0x20 && c != 0x7f, "bad-policy")
	}
	for _, line := range strings.Split(text, "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		p.line(words)
	}
	must(p.quorum != "", "bad-policy")
	return p
}

func (p *policy) line(words []string) {
	switch {
	case words[0] == "log" && (len(words) == 2 || len(words) == 3):
		k := readNoteKey(words[1])
		must(!slices.ContainsFunc(p.logs, func(o verifierKey) bool { return slices.Equal(o.key, k.key) }), "bad-policy")
		p.logs = append(p.logs, k)
	case words[0] == "witness" && (len(words) == 3 || len(words) == 4):
		p.define(words[1])
		k := readNoteKey(words[2])
		for _, o := range p.witnesses {
			must(!slices.Equal(o.key, k.key), "bad-policy")
		}
		p.witnesses[words[1]] = k
	case words[0] == "group" && len(words) >= 4:
		p.define(words[1])
		g := group{members: words[3:]}
		for _, m := range g.members {
			must(p.defined(m) && m != words[1], "bad-policy")
			for _, o := range p.groups {
				must(!slices.Contains(o.members, m), "bad-policy")
			}
		}
		must(distinct(g.members), "bad-policy")
		switch words[2] {
		case "any":
			g.need = 1
		case "all":
			g.need = len(g.members)
		default:
			n, err := strconv.Atoi(words[2])
			must(err == nil && strconv.Itoa(n) == words[2] && n >= 1 && n <= len(g.members), "bad-policy")
			g.need = n
		}
		p.groups[words[1]] = g
	case words[0] == "quorum" && len(words) == 2:
		must(p.quorum == "" && (words[1] == "none" || p.defined(words[1])), "bad-policy")
		p.quorum = words[1]
	default:
		refuse("bad-policy")
	}
}

func (p *policy) define(name string) {
	must(name != "none" && !p.defined(name), "bad-policy")
}

func (p *policy) defined(name string) bool {
	_, isWitness := p.witnesses[name]
	_, isGroup := p.groups[name]
	return isWitness || isGroup
}

// met says whether the members that cosigned are enough for this name.
func (p *policy) met(name string, cosigned func(member string) bool) bool {
	g, ok := p.groups[name]
	if !ok {
		return name == "none" || cosigned(name)
	}
	n := 0
	for _, m := range g.members {
		if p.met(m, cosigned) {
			n++
		}
	}
	return n >= g.need
}

// within says whether the member counts, through groups, for this name.
func (p *policy) within(member, name string) bool {
	return member == name || slices.ContainsFunc(p.groups[name].members, func(m string) bool { return p.within(member, m) })
}

// cosignatures returns when each member cosigned, and whether no line of a member is false. Times
// more than five minutes ahead do not count.
func (p *policy) cosignatures(c *checkpoint, now time.Time) (times map[string]uint64, good bool) {
	times, good = map[string]uint64{}, true
	for name, k := range p.witnesses {
		for _, l := range c.lines {
			if l.name != k.name || l.hash != k.hash || k.alg == plainKey || !k.known() {
				continue
			}
			at, ok := k.signed(c, l)
			good = good && ok
			if !ok || at == 0 {
				continue
			}
			if at <= uint64(now.Unix())+300 {
				times[name] = max(times[name], at)
			}
		}
	}
	return times, good
}

// asOf returns the latest time that the quorum attests, 0 if there is none. Without a quorum it is
// the latest time of any member.
func (p *policy) asOf(times map[string]uint64) uint64 {
	var best uint64
	for _, t := range times {
		if t > best && p.met(p.quorum, func(m string) bool { return times[m] >= t }) {
			best = t
		}
	}
	return best
}

// A HeadAnswer is what a checkpoint is worth under a policy.
type HeadAnswer struct {
	First    string   `json:"check,omitempty"` // the first check that failed; "policy": the policy itself is malformed
	Cosigned []string `json:"cosigned,omitempty"`
	AsOf     uint64   `json:"asOf,omitzero"` // the time that the quorum attests, in seconds since 1970
}

// Head judges a checkpoint under a policy.
func Head(note string, asked Asked) HeadAnswer {
	w := &walk{asked: asked}
	if w.step("policy", func() { w.policy = readPolicy(asked.Policy) }) {
		w.bundle = &bundle{origin: w.signer(note), checkpoint: note}
		w.openHead()
	}
	a := HeadAnswer{Cosigned: slices.Concat(w.answer.Audited, w.answer.Witnessed), AsOf: w.answer.AsOf}
	slices.Sort(a.Cosigned)
	if len(w.failed) > 0 {
		a.First = w.failed[0]
	}
	return a
}

// signer returns the origin of the log that a note is held to be by: of the only one in the policy,
// or else of its first line.
func (w *walk) signer(note string) string {
	origin, _, _ := strings.Cut(note, "\n")
	for _, k := range w.policy.logs {
		if k.name != w.policy.logs[0].name {
			return origin
		}
	}
	if len(w.policy.logs) > 0 {
		return w.policy.logs[0].name
	}
	return origin
}
