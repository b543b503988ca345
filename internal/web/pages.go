// Package web holds all pages of a ledger: those for people about whom it has entries, for officers,
// for a front desk and for everybody.
//
// It puts the rooms of pages below it (citizen, officer, paper, public) together with what they
// share (the look, sign-in, the way to the ledger) into one handler. Pages are made by the server
// and can be read without script; scripts only add. docs/WEB.md says how they are run, and
// docs/BROWSER.md how a proof is checked in the reader's own browser.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"igledger/audit/statement"
	"igledger/internal/api"
	"igledger/internal/client"
	"igledger/internal/edge"
	"igledger/internal/web/citizen"
	"igledger/internal/web/door"
	"igledger/internal/web/officer"
	"igledger/internal/web/paper"
	"igledger/internal/web/paper/sealed"
	open "igledger/internal/web/public"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger"
	"igledger/ledger/keyfile"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// Config is what the pages are made from. Log, Index and Public are required.
type Config struct {
	Settings Settings
	Log      *ledger.Log
	Index    *statement.Follower       // the caller runs it
	Public   string                    // address at which browsers reach the pages, such as https://ledger.example.scot
	Store    *storage.Storage          // the log's own; needed for people who sign in
	Keys     string                    // the operator's key folder, in which the pages have a key of their own
	Policy   []byte                    // the policy (C2SP tlog-policy) by which the operator proposes to check proofs; may be nil
	Signers  map[string][]*wire.Signer // keys that the server holds for organisations, beside those of Settings
	Secrets  *keyfile.Loader           // reads the files of all keys; may be nil
	Limits   edge.Limits               // of connections and of the bodies of requests
	Logger   *slog.Logger
	Now      func() time.Time // nil: time.Now
	// Demonstration lets pages without a brand have the demonstration's. A real log's then have the
	// name of its operator, and no contacts.
	Demonstration bool
}

// Pages are all pages of a ledger. They answer every request whose path is not the API's.
type Pages struct {
	handler http.Handler
	site    *ui.Site
	signin  *signin.Manager // nil without sign-in
	public  string
	papers  *paper.Store // nil without sign-in
	shelf   *shelf.Shelf // nil without sign-in
	limits  edge.Limits
	bodies  *edge.Bodies
	follow  []func(context.Context)
}

// deps is what rooms are mounted with.
type deps struct {
	Config
	mux    *http.ServeMux
	site   *ui.Site
	brand  ui.Brand
	door   *door.Door
	shelf  *shelf.Shelf    // nil without sign-in
	signin *signin.Manager // nil without sign-in
	papers *paper.Store    // nil without sign-in
	follow []func(context.Context)
}

// New returns the pages.
func New(ctx context.Context, cfg Config) (*Pages, error) {
	if _, err := wire.ServerURL(cfg.Public); err != nil {
		return nil, fmt.Errorf("the public address: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	brand, err := ui.LoadBrand(cfg.Settings.file(cfg.Settings.Brand))
	if err != nil {
		return nil, fmt.Errorf("brand: %w", err)
	}
	if cfg.Settings.Brand == "" && !cfg.Demonstration {
		operator := cfg.Log.Genesis().Operator
		brand.Name, brand.Contact = cmp.Or(operator.Name, operator.ID), ui.Contact{}
	}
	signers, err := cfg.Settings.signers(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	for org, keys := range cfg.Signers {
		signers[org] = append(signers[org], keys...)
	}
	d := &deps{Config: cfg, mux: http.NewServeMux(), brand: brand}
	d.site, err = ui.New(ui.Config{Brand: brand, Logger: cfg.Logger, Now: cfg.Now, Secure: strings.HasPrefix(cfg.Public, "https:"),
		NoSignIn: cfg.Settings.SignIn == nil})
	if err != nil {
		return nil, err
	}
	rooms := slices.Clone(public)
	if cfg.Settings.SignIn != nil {
		if err := d.signIn(ctx); err != nil {
			return nil, err
		}
		rooms = append(rooms, signedIn...)
	}
	d.door = door.New(door.Config{Log: cfg.Log, Index: cfg.Index, Logger: cfg.Logger, Now: cfg.Now, Signers: signers, Shelf: d.shelf})
	d.mux.Handle(ui.AssetsAt, d.site.Assets())
	for _, mount := range rooms {
		if err := mount(d); err != nil {
			return nil, err
		}
	}
	for _, old := range []string{"GET /verify", "GET /verify/"} { // that page could do the same and was elsewhere
		d.mux.Handle(old, moved("/check"))
	}
	d.mux.HandleFunc(catchAll, d.elsewhere)
	return &Pages{handler: d.wrapped(), site: d.site, signin: d.signin, public: d.Public, papers: d.papers,
		shelf: d.shelf, limits: cfg.Limits,
		bodies: edge.NewBodies(cfg.Limits, time.Now), follow: d.follow}, nil
}

// public and signedIn are the rooms: those for everybody, and those for people who sign in.
var (
	public = []func(*deps) error{
		func(d *deps) error {
			return open.Mount(d.mux, open.Deps{Site: d.site, Door: d.door, OpenAPI: api.Document(), Public: d.Public, Policy: d.Policy})
		},
		func(d *deps) error {
			return paper.MountPublic(d.mux, paper.Deps{Site: d.site, Policy: string(d.Policy), Public: d.Public})
		},
		func(d *deps) error {
			return officer.MountPublic(d.mux, officer.Deps{Site: d.site, Door: d.door, Logger: d.Logger})
		},
	}
	signedIn = []func(*deps) error{
		func(d *deps) error {
			return citizen.Mount(d.mux, citizen.Deps{Site: d.site, Door: d.door, Signin: d.signin, Shelf: d.shelf, Brand: d.brand,
				Logger: d.Logger, Choices: d.Settings.Choices, Public: strings.TrimSuffix(d.Public, "/"),
				RolesOnly: d.Settings.RolesOnly})
		},
		func(d *deps) error {
			return officer.Mount(d.mux, officer.Deps{Site: d.site, Door: d.door, Signin: d.signin, Shelf: d.shelf, Logger: d.Logger,
				Public: d.Public})
		},
		func(d *deps) error {
			return paper.Mount(d.mux, paper.Deps{Site: d.site, Door: d.door, Signin: d.signin, Shelf: d.shelf, Brand: d.brand,
				Policy: string(d.Policy), Now: d.Now, Logger: d.Logger, Peer: d.peer})
		},
	}
)

func (d *deps) signIn(ctx context.Context) error {
	if d.Store == nil || d.Keys == "" {
		return errors.New("people can sign in only with the log's database and the operator's keys")
	}
	key, err := shelf.LoadKey(d.Secrets, d.Keys)
	if err != nil {
		return err
	}
	d.shelf, err = shelf.New(ctx, d.Store, key, d.Now)
	if err != nil {
		return err
	}
	d.papers = paper.NewStore(d.shelf, paper.Life, d.Now)
	d.signin, err = signin.New(signin.Deps{Config: *d.Settings.SignIn, Public: d.Public, Shelf: d.shelf, Site: d.site,
		Logger: d.Logger, File: d.Settings.file, Peer: d.Limits.Peer, Now: d.Now, Secrets: d.Secrets})
	if err != nil {
		return err
	}
	d.signin.Mount(d.mux)
	d.follow = append(d.follow, func(ctx context.Context) { d.door.Follow(ctx, 5*time.Second) })
	return nil
}

// peer returns who sent a request, as the limits of connections count them.
func (d *deps) peer(r *http.Request) string {
	return d.Limits.Peer(r.RemoteAddr, r.Header.Values("X-Forwarded-For"))
}

// wrapped puts around all pages what each of them relies on: the headers of every answer, a page
// when one of them fails, nothing in a body that no page takes, and who is signed in.
func (d *deps) wrapped() http.Handler {
	var inner http.Handler
	if d.signin == nil {
		cross := http.NewCrossOriginProtection()
		cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d.site.Problem(w, r, http.StatusForbidden, "cross-origin")
		}))
		inner = cross.Handler(d.mux)
	} else {
		inner = d.signin.Wrap(d.mux)
	}
	outer := http.NewServeMux()
	outer.Handle("/", inner)
	outer.Handle(ui.AssetsAt, d.site.Assets()) // nobody's, so they are there while sessions are not
	return d.site.Protect(d.recovered(d.plainBodies(outer)))
}

// recovered answers with a page when next panics. The value of a panic might hold something of a
// person, so the log says where it was, and not what.
func (d *deps) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler: //nolint:errorlint // net/http compares it so, too
				panic(v)
			default:
				d.Logger.Error("a page panicked", "method", r.Method, "stack", string(debug.Stack()))
				if w.Header().Get("Content-Disposition") != "" { // a part of a file may be out
					panic(http.ErrAbortHandler)
				}
				d.site.Problem(w, r, http.StatusInternalServerError, "500")
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// What a request's body may be: a form, or a sealed statement, which is sent as bytes. A body of
// several parts is refused, because net/http keeps its files on disk and, as the request is copied
// on its way, would not remove them.
const (
	formMedia   = "application/x-www-form-urlencoded"
	sealedMedia = "application/octet-stream"
	maxForm     = 1 << 20
)

// maxBody bounds the body of a request: of a sealed statement, the largest that a page sends.
const maxBody = sealed.MaxSize + 1

// plainBodies refuses bodies that are neither.
func (d *deps) plainBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case r.ContentLength == 0, media == sealedMedia:
		case err != nil || media != formMedia || len(r.Header.Values("Content-Type")) > 1 || r.Header.Get("Content-Encoding") != "":
			d.Logger.Warn("request refused", "why", "a body that no page takes", "method", r.Method)
			d.site.Problem(w, r, http.StatusUnsupportedMediaType, "form")
			return
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP answers a request. What has arrived of its body counts, as that of the API's does.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer edge.Begin(r.Context())()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		edge.Leave(w, r)
	} else {
		peer := p.limits.Peer(r.RemoteAddr, r.Header.Values("X-Forwarded-For"))
		body := p.bodies.Open(http.MaxBytesReader(w, r.Body, maxBody), peer, func() string { return "" }, edge.Deadline(w, r))
		defer body.Release()
		r.Body = struct {
			io.Reader
			io.Closer
		}{body, r.Body}
	}
	p.handler.ServeHTTP(w, r)
}

// Run does the pages' work in the background, until ctx ends.
func (p *Pages) Run(ctx context.Context) {
	var work sync.WaitGroup
	for _, f := range p.follow {
		work.Go(func() { f(ctx) })
	}
	work.Wait()
}

// KeepPaper keeps what a front desk sealed, and returns the address to which its code leads. Without
// sign-in nobody could stop the code, so it returns sealed.ErrNotKept.
func (p *Pages) KeepPaper(ctx context.Context, id, desk string, data []byte) (string, time.Time, error) {
	if p.papers == nil {
		return "", time.Time{}, sealed.ErrNotKept
	}
	path, ends, err := p.papers.KeepPaper(ctx, id, desk, data)
	return strings.TrimSuffix(p.public, "/") + path, ends, err
}

// Notes returns what officers of an organisation noted about accesses that stand out, by jti.
// Without sign-in nobody could, so it returns api.ErrNoNotes.
func (p *Pages) Notes(ctx context.Context, org, after string, most int) ([]client.Note, error) {
	if p.shelf == nil {
		return nil, api.ErrNoNotes
	}
	return officer.Notes(ctx, p.shelf, org, after, most)
}
