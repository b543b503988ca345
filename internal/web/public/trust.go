package public

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/ui"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// health is what the trust page says of the log, in no language. Nothing in it is about a person, and
// what is of one organisation is coarse: exact numbers would show how many people it sees.
type health struct {
	At          time.Time
	Origin      string
	LogKey      string
	VRFKey      string
	GenesisHash string
	Genesis     *entry.Genesis

	Size      uint64
	Stopped   bool
	Anchor    proof.Checkpoint // zero: none yet
	AnchorAt  time.Time
	Root      *entry.IndexRoot // newest; nil: none yet
	RootAt    time.Time
	RootIndex uint64
	Witnessed uint64 // size of the newest checkpoint that reached its quorum
	Asks      bool   // the operator's policy asks for cosignatures
	Cosigners []cosigner
	Growth    []growth
	Sources   []sourceState

	Organisations int
	Agreements    map[consent.State]int
	Policies      uint64
	Accesses      uint64
}

// cosigner is a witness or an auditor.
type cosigner struct {
	Name    string
	Auditor bool
	Key     string
	Last    time.Time // zero: never
	Behind  uint64    // entries of the log that its last cosignature does not cover
}

// growth is how many entries came in the last days.
type growth struct {
	Days    int
	Entries uint64
	Whole   bool // the log is older than that
}

// sourceState is what may be public of an organisation's systems: whether it reports, and whether
// what it reported has holes.
type sourceState struct {
	Org     string
	Systems int
	Day     time.Time // on which it was last heard; zero: never
	Faults  []stream.Fault
}

// trustCache keeps the newest health for some seconds: many people may look at once.
type trustCache struct {
	mu   sync.Mutex
	last *health
}

const trustFor = 15 * time.Second

func (p *room) health(ctx context.Context) (*health, error) {
	p.trust.mu.Lock()
	defer p.trust.mu.Unlock()
	now := p.Door.Now()
	if h := p.trust.last; h != nil && now.Sub(h.At) < trustFor && !now.Before(h.At) {
		return h, nil
	}
	h, err := p.look(ctx, now)
	if err == nil {
		p.trust.last = h
	}
	return h, err
}

// look asks the log for everything.
func (p *room) look(ctx context.Context, now time.Time) (*health, error) {
	log := p.Door.Log()
	h := &health{
		At: now, Origin: log.Origin(), LogKey: log.VerifierKey(), Genesis: log.Genesis(), Stopped: log.Stopped() != nil,
		Agreements: map[consent.State]int{},
	}
	h.VRFKey = hex.EncodeToString(h.Genesis.VRFKey[:])
	first, err := log.EntryBundle(ctx, 0, 1)
	if err != nil {
		return nil, err
	}
	genesis := verifier.GenesisHash(first[2:])
	h.GenesisHash = hex.EncodeToString(genesis[:])
	if h.Size, err = log.Size(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, *health) error{p.heads, p.cosigners, p.growth, p.sources, p.figures} {
		if err := step(ctx, h); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// heads reads the anchor, the newest witnessed checkpoint and the newest index root.
func (p *room) heads(ctx context.Context, h *health) error {
	log := p.Door.Log()
	key, err := wire.NewLogVerifier(h.LogKey)
	if err != nil {
		return err
	}
	open := func(note []byte, err error) (proof.Checkpoint, error) {
		if errors.Is(err, ledger.ErrNotFound) {
			return proof.Checkpoint{}, nil
		}
		if err != nil {
			return proof.Checkpoint{}, err
		}
		return proof.OpenCheckpoint(note, key)
	}
	if h.Anchor, err = open(log.Anchor(ctx)); err != nil {
		return err
	}
	witnessed, err := open(log.WitnessedCheckpoint(ctx))
	if err != nil {
		return err
	}
	h.Witnessed = witnessed.Size
	root, err := log.LastPublic(ctx, "index-root")
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h.Root, _ = root.Entry.Body.(*entry.IndexRoot)
	h.RootAt, h.RootIndex = time.Unix(root.Entry.IssuedAt, 0), root.Index
	// The anchor was made with the last index root below its end.
	if h.AnchorAt = h.RootAt; root.Index >= h.Anchor.Size && h.Anchor.Size > 0 {
		before, err := log.FirstIndexRoot(ctx, h.Anchor.Size-1, h.Anchor.Size)
		if err == nil {
			h.AnchorAt = time.Unix(before.Entry.IssuedAt, 0)
		}
	}
	return nil
}

func (p *room) cosigners(ctx context.Context, h *health) error {
	policy := p.Door.Log().Policy()
	if policy == nil {
		return nil
	}
	h.Asks = !policy.AsksNobody()
	states, err := p.Door.Log().Cosigners(ctx)
	if err != nil {
		return err
	}
	var auditors []*cosign.Cosigner
	if g := policy.Group(cosign.GroupAuditors); g != nil {
		auditors = g.Cosigners()
	}
	for i, s := range states {
		c := policy.Cosigners[i]
		one := cosigner{Name: s.Name, Key: c.VKey, Auditor: slices.Contains(auditors, c), Last: s.Time}
		if s.Size < h.Size {
			one.Behind = h.Size - s.Size
		}
		h.Cosigners = append(h.Cosigners, one)
	}
	return nil
}

// growth finds where the log was some days ago, by the times in index roots. Numbers are rounded to one
// digit anyway, so it looks no closer than a sixteenth of what came since.
func (p *room) growth(ctx context.Context, h *health) error {
	log, high := p.Door.Log(), h.Size
	for _, days := range []int{1, 7, 30} {
		at := h.At.AddDate(0, 0, -days).Unix()
		low := uint64(0) // entries below low came before, those from high on after
		for high-low > (h.Size-high)/16 {
			middle := low + (high-low)/2
			root, err := log.FirstIndexRoot(ctx, middle, high)
			switch {
			case errors.Is(err, ledger.ErrNotFound):
				high = middle
			case err != nil:
				return err
			case root.Entry.IssuedAt >= at:
				high = middle
			default:
				low = root.Index + 1
			}
		}
		h.Growth = append(h.Growth, growth{days, h.Size - high, low > 0})
	}
	return nil
}

const maxSources = 100_000

// sources adds up what the streams of each organisation say.
func (p *room) sources(ctx context.Context, h *health) error {
	by := map[string]*sourceState{}
	var after [16]byte
	for n := 0; n < maxSources; {
		list, next, err := p.Door.Log().Sources(ctx, h.At, "", after, 500)
		if err != nil {
			return err
		}
		for _, s := range list {
			o := by[s.Org]
			if o == nil {
				o = &sourceState{Org: s.Org}
				by[s.Org] = o
			}
			o.Systems++
			if s.LastReceived.After(o.Day) {
				o.Day = s.LastReceived
			}
			o.Faults = append(o.Faults, s.Faults...)
			h.Accesses += s.Entries
		}
		if n, after = n+len(list), next; next == ([16]byte{}) {
			break
		}
	}
	for _, o := range by {
		slices.Sort(o.Faults)
		o.Faults = slices.Compact(o.Faults)
		h.Sources = append(h.Sources, *o)
	}
	slices.SortFunc(h.Sources, func(a, b sourceState) int { return cmp.Compare(a.Org, b.Org) })
	return nil
}

func (p *room) figures(ctx context.Context, h *health) error {
	reg, err := p.Door.Register(ctx)
	if err != nil {
		return err
	}
	h.Organisations = len(reg.Organisations())
	rules, err := p.Door.Rules(ctx)
	if err != nil {
		return err
	}
	h.Policies = rules.Policies().Version()
	for _, id := range rules.Agreements().IDs() {
		_, state := rules.Agreements().State(id, h.At)
		h.Agreements[state]++
	}
	return nil
}

// coarse rounds a number down to one digit, or returns 0 for one below 10. What an organisation does
// in a day cannot be read off the sum.
func coarse(n uint64) uint64 {
	unit := uint64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	if n < 10 {
		return 0
	}
	return n / unit * unit
}

// about returns a coarse number in words.
func about(words *ui.Words, n uint64) string {
	if n = coarse(n); n == 0 {
		return words.Text("about.few")
	}
	return words.Text("about", "n", grouped(n))
}

// grouped writes a number with a comma before each three digits.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// shownSource is a row of the table of sources.
type shownSource struct {
	Name, Systems, Heard string
	Tags                 []ui.Tag
}

// shownCosigner is a row of the table of witnesses and auditors.
type shownCosigner struct {
	cosigner
	Part, Lag string
	State     ui.Tag
}

// late is how old a cosignature may be before the page says that it is: verifiers ask for two days.
const late = 48 * time.Hour

func (p *room) showTrust(w http.ResponseWriter, r *http.Request) {
	h, err := p.health(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	words := p.pages.Words(r)
	_ = p.pages.Render(w, r, http.StatusOK, "trust", ui.Page{
		Title: words.Text("trust.title"), Section: "trust", Data: map[string]any{
			"H": h, "Verdict": h.verdict(words), "Log": p.logRows(words, h), "Keys": p.keyRows(words, h),
			"Growth": growthRows(words, h), "Figures": figureRows(words, h), "Cosigners": cosignersOf(words, h),
			"Sources": p.sourcesOf(words, h), "Commands": p.commands(h), "PolicyText": string(p.Policy),
		},
	})
}

// verdict says in a sentence how the log stands.
func (h *health) verdict(words *ui.Words) ui.Note {
	old := h.AnchorAt.IsZero() || h.At.Sub(h.AnchorAt) > late
	fresh := 0
	for _, c := range h.Cosigners {
		if !c.Last.IsZero() && h.At.Sub(c.Last) < late {
			fresh++
		}
	}
	key, kind := plain.Key("trust.good"), "success"
	switch {
	case h.Stopped:
		key, kind = "trust.stopped", "error"
	case !h.Asks:
		key, kind = "trust.alone", "warning"
	case h.Witnessed == 0:
		key, kind = "trust.unwitnessed", "warning"
	case fresh == 0 || old && h.Witnessed < h.Anchor.Size:
		key, kind = "trust.stale", "warning"
	}
	note := ui.Note{Kind: kind, Title: words.Text(key), Text: words.Text(key + ".text")}
	if h.Asks && !slices.ContainsFunc(h.Cosigners, func(c cosigner) bool { return !c.Auditor }) {
		note.Text += " " + words.Text("trust.no-witness")
	}
	return note
}

func (p *room) logRows(words *ui.Words, h *health) []ui.Row {
	row := func(key string, value string) ui.Row { return ui.Row{Key: words.Text(plain.Key(key)), Value: value} }
	list := []ui.Row{row("trust.origin", h.Origin), row("trust.size", grouped(h.Size))}
	if h.Anchor.Size > 0 {
		list = append(list,
			row("trust.anchor", words.Text("trust.anchor.value", "size", grouped(h.Anchor.Size), "ago", words.Ago(h.AnchorAt))),
			row("trust.anchor.root", base64.StdEncoding.EncodeToString(h.Anchor.Root[:])))
	}
	if h.Root != nil {
		list = append(list,
			row("trust.root", hex.EncodeToString(h.Root.Root[:])),
			row("trust.root.at", words.Text("trust.root.value", "size", grouped(h.Root.Size), "ago", words.Ago(h.RootAt))))
	}
	if h.Witnessed > 0 {
		list = append(list, row("trust.witnessed", grouped(h.Witnessed)))
	}
	return list
}

func (p *room) keyRows(words *ui.Words, h *health) []ui.Row {
	list := []ui.Row{
		{Key: words.Text("trust.genesis"), Value: h.GenesisHash},
		{Key: words.Text("trust.log-key"), Value: h.LogKey},
		{Key: words.Text("trust.vrf-key"), Value: h.VRFKey},
	}
	for _, x := range []struct {
		key   plain.Key
		party entry.GenesisParty
	}{{"trust.operator", h.Genesis.Operator}, {"trust.registrar", h.Genesis.Registrar}, {"trust.enroller", h.Genesis.Enroller}} {
		list = append(list, ui.Row{Key: words.Text(x.key), Value: x.party.Name + " (" + x.party.ID + ")"})
	}
	return list
}

func growthRows(words *ui.Words, h *health) (list []ui.Row) {
	for _, g := range h.Growth {
		value := about(words, g.Entries)
		if !g.Whole {
			value = words.Text("trust.growth.young", "n", value)
		}
		list = append(list, ui.Row{Key: words.Count("trust.growth", uint64(g.Days)), Value: value})
	}
	return list
}

func figureRows(words *ui.Words, h *health) []ui.Row {
	list := []ui.Row{
		{Key: words.Text("trust.accesses"), Value: about(words, h.Accesses)},
		{Key: words.Text("trust.organisations"), Value: strconv.Itoa(h.Organisations)},
	}
	for _, s := range consent.States() {
		if n := h.Agreements[s]; n > 0 {
			list = append(list, ui.Row{
				Key:   words.Text("trust.agreements", "state", words.Text(plain.Key("state."+string(s)))),
				Value: strconv.Itoa(n),
			})
		}
	}
	return append(list, ui.Row{
		Key: words.Text("trust.policies"), Value: words.Text("policy.title", "version", strconv.FormatUint(h.Policies, 10)),
		Link: ui.Link{Text: words.Text("trust.read"), Href: "/register/policies/" + strconv.FormatUint(h.Policies, 10)},
	})
}

func cosignersOf(words *ui.Words, h *health) (list []shownCosigner) {
	for _, c := range h.Cosigners {
		s := shownCosigner{cosigner: c, Part: words.Text("trust.witness")}
		if c.Auditor {
			s.Part = words.Text("trust.auditor")
		}
		s.Lag = words.Count("trust.behind", c.Behind, "n", grouped(c.Behind))
		switch {
		case c.Last.IsZero():
			s.State, s.Lag = ui.Tag{Text: words.Text("trust.never"), Kind: "red"}, ""
		case h.At.Sub(c.Last) > late:
			s.State = ui.Tag{Text: words.Text("trust.late"), Kind: "orange"}
		default:
			s.State = ui.Tag{Text: words.Text("trust.fresh"), Kind: "green"}
		}
		list = append(list, s)
	}
	return list
}

func (p *room) sourcesOf(words *ui.Words, h *health) (list []shownSource) {
	for _, s := range h.Sources {
		x := shownSource{Name: p.Door.OrgName(s.Org), Systems: words.Count("trust.systems", uint64(s.Systems)), Heard: heard(words, h.At, s.Day)}
		for _, f := range s.Faults {
			said := words.Plain().Fault(string(f))
			if !words.Plain().Own(plain.Key("fault." + string(f))) {
				said = words.English(said)
			}
			x.Tags = append(x.Tags, ui.Tag{Text: said, Kind: "orange"})
		}
		if len(s.Faults) == 0 {
			x.Tags = []ui.Tag{{Text: words.Text("fault.none"), Kind: "green"}}
		}
		list = append(list, x)
	}
	return list
}

// heard says in days when an organisation was last heard.
func heard(words *ui.Words, now, day time.Time) string {
	if day.IsZero() {
		return words.Text("heard.never")
	}
	if now.Sub(day) < 24*time.Hour {
		return words.Text("heard.today")
	}
	return words.Ago(day)
}

// command is what a reader can paste into a terminal.
type command struct{ Key, Text string }

// commands are what checks this log, with its address, key and genesis filled in.
func (p *room) commands(h *health) []command {
	policy := "log " + h.LogKey + "\nquorum none\n"
	if len(p.Policy) > 0 {
		policy = strings.TrimRight(string(p.Policy), "\n") + "\n"
	}
	return []command{
		{"command.policy", "cat > policy.txt <<'END'\n" + policy + "END"},
		{"command.log", "igverify log --policy policy.txt --genesis " + h.GenesisHash + " --from " + p.Public},
		{"command.checkpoint", "curl " + p.Public + "/checkpoint"},
	}
}
