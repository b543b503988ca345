package door

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unique"

	"golang.org/x/sync/errgroup"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

// past is the history of one id, as far as it was read. It is extended when the log has grown.
type past struct {
	id string

	mu    sync.Mutex // guards the fields below; held while reading
	items []*Item    // newest first by when it happened; never changed, only replaced
	read  uint64     // entries below are in items
}

// extend reads the entries of p below size that it lacks, and returns all.
func (d *Door) extend(ctx context.Context, p *past, size uint64) ([]*Item, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read >= size {
		return p.items, nil
	}
	tag, _, err := d.log.Tag(p.id)
	if err != nil {
		return nil, err
	}
	fresh, err := d.fresh(ctx, p, tag, size)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(fresh, newestFirst)
	p.items, p.read = merged(p.items, fresh), size
	return p.items, nil
}

// fresh returns what a history has below size that was not read yet, in the order of the log. Of
// one that nobody has read in this process, what pieces are kept is taken from the shelf.
func (d *Door) fresh(ctx context.Context, p *past, tag wire.Hash, size uint64) ([]*Item, error) {
	reg, err := d.log.Register(ctx)
	if err != nil {
		return nil, err
	}
	var items []*Item
	from, m := p.read, d.maker(reg, p.id == entry.RegEveryone)
	if d.cfg.Shelf != nil && p.read == 0 {
		if items, err = d.recall(ctx, d.prefix(tag, stamp(reg)), m, tag, size); err != nil {
			return nil, err
		}
		if n := len(items); n > 0 {
			from = items[n-1].Index + 1
		}
	}
	places, err := d.log.HistoryPlaces(ctx, tag, from, size)
	if err != nil {
		return nil, err
	}
	read, err := d.load(ctx, m, append(unread(items), places...), runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	return filled(items, read), nil
}

func (d *Door) maker(reg *register.Register, everyone bool) *maker {
	return &maker{operator: d.Operator(), roles: &d.roles, reg: reg, everyone: everyone, verdicts: map[string]*entry.Verdict{}}
}

// load opens the entries at places, on so many processors.
func (d *Door) load(ctx context.Context, like *maker, places []ledger.Place, workers int) ([]*Item, error) {
	out := make([]*Item, len(places))
	workers = min(workers, 1+len(places)/64)
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		from, to := w*len(places)/workers, (w+1)*len(places)/workers
		g.Go(func() error {
			m := *like
			m.verdicts = map[string]*entry.Verdict{}
			at := from
			return d.log.EachLeft(ctx, places[from:to], func(h ledger.HistoryEntry) error {
				e, err := entry.ParseParts(h.JWS, h.Disclosures)
				if err != nil {
					return fmt.Errorf("entry %d as stored: %w", h.Index, err)
				}
				out[at] = m.item(e, h)
				at++
				return nil
			}, func(index uint64) error {
				received, err := d.receivedAbout(ctx, index)
				out[at] = &Item{Index: index, Type: Erased, When: received, Recorded: received, Received: received}
				m.place(out[at])
				at++
				return err
			})
		})
	}
	return out, g.Wait()
}

// receivedAbout returns when the ledger received the entries around a position: of one whose
// content was erased it has no time. It returns the zero time if there is none near.
func (d *Door) receivedAbout(ctx context.Context, index uint64) (time.Time, error) {
	const around = 32
	from := index - min(index, around)
	list, err := d.log.Openings(ctx, from, 2*around)
	if err != nil {
		return time.Time{}, err
	}
	var nearest time.Time
	for _, o := range list {
		if o == nil || o.Received == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, o.Received)
		if err != nil {
			return time.Time{}, fmt.Errorf("entry %d as stored: %w", o.Index, err)
		}
		if nearest.IsZero() || o.Index < index {
			nearest = toMilli(t)
		}
	}
	return nearest, nil
}

// maker makes items. Texts that many items have are kept once.
type maker struct {
	operator string
	roles    *roles
	reg      *register.Register
	everyone bool
	verdicts map[string]*entry.Verdict
}

// roles knows what sources call the roles that they state as codes. Reading it from an event takes
// longer than all the rest of an entry, so a code of an organisation is looked up once.
type roles struct {
	mu    sync.Mutex
	words map[string]string // by issuer and code
}

// mostRoles bounds what is remembered: a source may send any text as a code.
const mostRoles = 10_000

func (r *roles) of(a *entry.Access) string {
	if len(a.Role) == 0 || len(a.FHIR) == 0 {
		return ""
	}
	key := a.Issuer + "|" + a.Role[0]
	r.mu.Lock()
	defer r.mu.Unlock()
	words, ok := r.words[key]
	if !ok {
		words = audit.RoleWords(a)
		if r.words == nil || len(r.words) >= mostRoles {
			r.words = map[string]string{}
		}
		r.words[key] = words
	}
	return words
}

var english = plain.In(plain.English)

func (m *maker) item(e *entry.Entry, h ledger.HistoryEntry) *Item {
	i := &Item{
		Index: h.Index, Type: e.Type, Issuer: one(e.Issuer), Org: one(e.Issuer), Flags: h.Flags,
		Verdict: m.verdict(h.Verdict), Words: english.Describe(e), owners: readers.Owners(m.operator, e),
	}
	w := &i.Words
	for _, s := range []*string{
		&w.Organisation, &w.Role, &w.Staff, &w.System, &w.What, &w.Why, &w.Justification, &w.Result, &w.Agreement,
	} {
		*s = one(*s)
	}
	received, _ := time.Parse(time.RFC3339Nano, h.Received)
	i.When, i.Recorded, i.Received = toMilli(w.When), toMilli(w.When), toMilli(received)
	switch b := e.Body.(type) {
	case *entry.Access:
		if w := m.roles.of(b); w != "" {
			i.Words.Role = one(w)
		}
		m.access(i, b)
	case *entry.Decision:
		i.Denied = b.Decision != "permit"
		i.Act, i.Org, i.Action = entry.ActDecision, one(b.Org), one(b.Action)
		i.Agreement, i.Delegation, i.Purpose, i.Staff = one(b.Agreement), one(b.Delegation), ones(b.Purpose), staffKey(b.Staff)
	default:
		i.Body = b
	}
	for k, o := range i.owners {
		i.owners[k] = one(o)
	}
	m.place(i)
	return i
}

// place fills in what follows from the register and from whose history it is.
func (m *maker) place(i *Item) {
	if m.everyone {
		i.ID = Everyone
	}
	i.Name = i.Words.Organisation
	if i.Org != "" {
		i.Name = one(nameOf(m.reg, i.Org))
	}
}

// toMilli returns a time as pieces keep it.
func toMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func (m *maker) access(i *Item, a *entry.Access) {
	i.Act, i.Org, i.Action, i.Recorded = a.Act(), one(a.Accessor()), one(a.Action), toMilli(a.RecordedTime())
	i.Agreement, i.Delegation, i.Purpose, i.Staff = one(a.Agreement), one(a.Delegation), ones(a.Purpose), staffKey(a.Staff)
	i.Denied = i.Act == entry.ActDecision && a.Outcome != "0"
	switch {
	case readers.BySignIn(m.operator, a) && a.Delegation == "":
		i.Reader = ByPerson
	case readers.BySignIn(m.operator, a):
		i.Reader = ByDelegate
	case readers.IsReading(m.operator, a):
		i.Reader = ByOthers
	}
}

// staffKey returns by what a user is recognised, or "".
func staffKey(s *entry.Staff) string {
	if s == nil {
		return ""
	}
	if ids := s.Identifiers(); len(ids) > 0 {
		return one(ids[0])
	}
	return one(s.Name)
}

// verdict returns an equal verdict that was seen before, or v.
func (m *maker) verdict(v *entry.Verdict) *entry.Verdict {
	if v == nil {
		return nil
	}
	key := fmt.Sprint(v.Result, v.Agreement, v.Version, v.Policies, v.Consent, strings.Join(v.Rules, " "))
	if same := m.verdicts[key]; same.Equal(v) {
		return same
	}
	m.verdicts[key] = v
	return v
}

func one(s string) string {
	if s == "" {
		return ""
	}
	return unique.Make(s).Value()
}

func ones(list []string) []string {
	for i, s := range list {
		list[i] = one(s)
	}
	return list
}
