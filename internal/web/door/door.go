// Package door is what pages need of the ledger, in the same process: a person's history as readers
// may see it, with the reading logged; the register and the rules; signing and submitting.
//
// Nothing of a person's history leaves the door before policies/readers.Table permits it and the
// reading is itself an entry in that history. Errors carry no personal datum.
package door

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"igledger/audit/statement"
	"igledger/consent"
	"igledger/internal/readings"
	"igledger/internal/report"
	"igledger/internal/web/shelf"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// Config configures a door. Only Log is required.
type Config struct {
	Log *ledger.Log
	// Index makes statements. The caller runs it. It may be nil.
	Index *statement.Follower
	// Logger gets failures. The default discards them.
	Logger *slog.Logger
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Signers are the keys that the server holds for organisations, by organisation. The operator's
	// own key is there anyway.
	Signers map[string][]*wire.Signer
	// Zone is where months begin and end. The default is Europe/London.
	Zone *time.Location
	// Patience is how long officers' lists wait until the log has been read. The default is two
	// seconds.
	Patience time.Duration
	// Shelf keeps what lists show of long histories. It may be nil: then each process reads all of
	// them again.
	Shelf *shelf.Shelf
	// Memory bounds the bytes of histories that are kept. The default is DefaultMemory.
	Memory int64
}

// Door is a door to one log. It is safe for concurrent use.
type Door struct {
	cfg       Config
	log       *ledger.Log
	histories *histories
	done      logged
	book      *report.Book
	bulk      readings.Bulk
	granted   granted
	roles     roles
	ahead     ahead
}

// New returns a door.
func New(cfg Config) *Door {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Memory == 0 {
		cfg.Memory = DefaultMemory
	}
	if cfg.Zone == nil {
		cfg.Zone = london()
	}
	d := &Door{cfg: cfg, log: cfg.Log, histories: newHistories(cfg.Memory)}
	d.book = report.NewBook(cfg.Log, d.Rules, cfg.Logger, cfg.Zone, cmp.Or(cfg.Patience, 2*time.Second), d.keptBook())
	return d
}

// london is where people live whose accesses are in the ledger, unless an operator says otherwise.
func london() *time.Location {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		return time.UTC
	}
	return zone
}

// Log returns the log.
func (d *Door) Log() *ledger.Log { return d.log }

// Index returns what makes statements, or nil.
func (d *Door) Index() *statement.Follower { return d.cfg.Index }

// Now returns the time by the door's clock.
func (d *Door) Now() time.Time { return d.cfg.Now() }

// Operator returns the id of the organisation that runs the ledger.
func (d *Door) Operator() string { return d.log.Genesis().Operator.ID }

// Register returns the register of organisations and keys as it is now.
func (d *Door) Register(ctx context.Context) (*register.Register, error) { return d.log.Register(ctx) }

// Rules returns the rules of the log as they are now: agreements, requests, policies.
func (d *Door) Rules(ctx context.Context) (*consent.Rules, error) {
	r, err := d.log.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return consent.From(r)
}

// OrgName returns the name of an organisation of the log, or the id itself if there is no other.
func (d *Door) OrgName(id string) string {
	reg, err := d.log.Register(context.Background())
	if err != nil {
		return id
	}
	return nameOf(reg, id)
}

func nameOf(reg *register.Register, id string) string {
	if org := reg.Organisation(id); org != nil && org.Name != "" {
		return org.Name
	}
	return id
}

// PublicHistory returns the public entries of a name such as "agreement:ID", oldest first.
func (d *Door) PublicHistory(ctx context.Context, name string) ([]ledger.PublicLeaf, error) {
	return d.log.PublicHistory(ctx, name, 0, math.MaxUint64)
}

// Why an entry is not signed here.
var (
	ErrNoKey = errors.New("the server holds no key of the organisation that may sign this")
	// ErrRefused wraps the *wire.Error by which the ledger refused an entry.
	ErrRefused = errors.New("the ledger did not take the entry")
)

// Sign signs body for org with a key that the server holds for it and that is for purpose, appends
// it, and returns its index when it is durable. It fills in iss and aud.
func (d *Door) Sign(ctx context.Context, org string, purpose entry.Purpose, body entry.Body) (uint64, error) {
	signer, err := d.signer(ctx, org, purpose)
	if err != nil {
		return 0, err
	}
	e, err := entry.SignFor(signer, org, d.log.Origin(), body)
	if err != nil {
		return 0, err
	}
	return d.append(ctx, e)
}

// MaySign reports whether the server holds a valid key of org for purpose.
func (d *Door) MaySign(ctx context.Context, org string, purpose entry.Purpose) bool {
	_, err := d.signer(ctx, org, purpose)
	return err == nil
}

func (d *Door) signer(ctx context.Context, org string, purpose entry.Purpose) (*wire.Signer, error) {
	reg, err := d.log.Register(ctx)
	if err != nil {
		return nil, err
	}
	size, err := d.log.Size(ctx)
	if err != nil {
		return nil, err
	}
	own := d.cfg.Signers[org]
	if org == d.Operator() {
		own = append(own[:len(own):len(own)], d.log.Operator())
	}
	for _, s := range own {
		if reg.May(s.KID, org, purpose, "", size) == nil {
			return s, nil
		}
	}
	return nil, ErrNoKey
}

// Submit appends an entry that was signed elsewhere, with its disclosures ("": a public entry has
// none), and returns its index when it is durable. An entry that is there already is no error.
func (d *Door) Submit(ctx context.Context, jws string, disclosures []string) (uint64, error) {
	e, err := entry.ParseParts(jws, disclosures)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return d.append(ctx, e)
}

func (d *Door) append(ctx context.Context, e *entry.Entry) (uint64, error) {
	r := d.log.Append(ctx, e)[0]
	var refused *wire.Error
	switch {
	case r.Err == nil:
		return r.Index, nil
	case errors.As(r.Err, &refused):
		return 0, fmt.Errorf("%w: %w", ErrRefused, r.Err)
	}
	return 0, r.Err
}
