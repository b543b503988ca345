package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"igledger/audit"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func accessCommand() *cli.Command {
	return &cli.Command{
		Name:  "access",
		Usage: "record accesses",
		Subcommands: []*cli.Command{{
			Name:      "import",
			Usage:     "report record accesses from FHIR R4 AuditEvents",
			ArgsUsage: "FILE… or - for standard input",
			Description: "Takes single AuditEvents, Bundles and NDJSON. Converts, signs with the source's own key on this side, keeps everything in a durable\n" +
				"outbox, posts in batches, checks every receipt before it forgets. Interrupted, it goes on where it stopped when run again:\n" +
				"nothing is lost or doubled. An event that cannot be converted is reported with its number and the rest goes on (exit 1).\n\n" +
				"Example: igledger access import --org NHSL --key lothian-submit.jwk --source trakcare --log-key \"$LOG_KEY\" events.ndjson",
			Flags: remoteFlags(
				&cli.StringFlag{Name: "source", Required: true, Usage: "name of the reporting system; sequence numbers count per source"},
				&cli.StringFlag{Name: "outbox", Usage: "SQLite file that remembers what was sent (default: <source>.outbox in the working folder)"},
				&cli.IntFlag{Name: "batch", Value: 256, Usage: "entries per request, 1 to 1000"},
			),
			Action: importAction,
		}},
	}
}

// outbox opens the outbox that the flags name.
func (r *remote) outbox(c *cli.Context) (*outbox, error) {
	path := c.String("outbox")
	if path == "" {
		path = c.String("source") + ".outbox"
	}
	return openOutbox(c.Context, path, r.org, c.String("source"), r.logKey)
}

func importAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("access import wants files, or - for standard input")
	}
	if n := c.Int("batch"); n < 1 || n > client.MaxEntries {
		return usage("--batch wants 1 to %d", client.MaxEntries)
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	o, err := r.outbox(c)
	if err != nil {
		return err
	}
	defer o.close()
	im := &importer{remote: r, outbox: o, source: c.String("source"), batch: c.Int("batch"), errOut: c.App.ErrWriter}
	im.bar = progress(c.App.ErrWriter, "importing")
	sum, err := im.run(c.Context, c.Args().Slice(), c.App.Reader)
	im.bar.Finish() //nolint:errcheck // the bar is decoration
	if err != nil {
		return fmt.Errorf("%w; run the same command again to go on", err)
	}
	if err := output(c, sum, "%d events: %d entries in the log, %d known from before, %d refused, %d not converted\n", sum.Events, sum.Logged, sum.Known, sum.Refused, sum.Unreadable); err != nil {
		return err
	}
	if sum.Refused+sum.Unreadable > 0 {
		return refused("%d events are not in the log, see above", sum.Refused+sum.Unreadable)
	}
	return nil
}

// importSummary counts what an import did.
type importSummary struct {
	Events     int    `json:"events"`     // read
	Known      int    `json:"known"`      // events an earlier run took in
	Logged     int    `json:"logged"`     // entries whose receipt was checked in this run, one per person of an event
	Refused    int    `json:"refused"`    // entries the ledger refused for good
	Unreadable int    `json:"unreadable"` // events that are no AuditEvents
	Size       uint64 `json:"logSize"`    // size of the log at the newest receipt
}

type importer struct {
	remote *remote
	outbox *outbox
	source string
	batch  int
	errOut io.Writer
	bar    *progressbar.ProgressBar

	seq     uint64
	waiting []posted
	sum     importSummary
}

func (im *importer) run(ctx context.Context, files []string, stdin io.Reader) (importSummary, error) {
	var err error
	if im.seq, err = im.outbox.lastSeq(ctx); err != nil {
		return im.sum, fmt.Errorf("reading the outbox: %w", err)
	}
	if err := im.drain(ctx); err != nil { // what an interrupted run left
		return im.sum, err
	}
	for _, name := range files {
		if err := im.file(ctx, name, stdin); err != nil {
			return im.sum, err
		}
	}
	return im.sum, im.flush(ctx)
}

func (im *importer) file(ctx context.Context, name string, stdin io.Reader) error {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		defer f.Close()
		in = f
	}
	seen := map[uuid.UUID]int{}
	err := audit.Events(in, func(ev audit.Event) error {
		im.sum.Events++
		key := audit.EventKey(ev.Raw)
		// Two accesses in the same second may read alike to the last byte: the second of a file is another one, and the same when the file comes again.
		seen[key]++
		if n := seen[key]; n > 1 {
			key = uuid.NewSHA1(key, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
		if err := im.event(ctx, name, ev, key); err != nil {
			return &importError{err}
		}
		return nil
	})
	var own *importError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own): // the ledger or the outbox, not the file
		return own.err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	// What was read before it is taken in, the other files too; only the rest of this one is left.
	im.sum.Unreadable++
	fmt.Fprintf(im.errOut, "igledger: %s: %v; the rest of this file was not read\n", name, err)
	return nil
}

// importError marks an error of the import itself on its way through audit.Events.
type importError struct{ err error }

func (e *importError) Error() string { return e.err.Error() }
func (e *importError) Unwrap() error { return e.err }

// event converts, signs and queues one event. What cannot be converted is told and counted, not an error.
func (im *importer) event(ctx context.Context, name string, ev audit.Event, key uuid.UUID) error {
	known, err := im.outbox.known(ctx, key[:])
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	for _, p := range im.waiting { // not yet in the outbox
		known = known || string(p.event) == string(key[:])
	}
	if known {
		im.sum.Known++
		return nil
	}
	conv := audit.Conversion{Issuer: im.remote.org, Audience: im.remote.origin, Source: im.source}
	accesses, err := conv.FromAuditEvent(ev.Raw)
	var signed []posted
	for i := 0; err == nil && i < len(accesses); i++ {
		var e *entry.Entry
		seq := im.seq + uint64(i) + 1
		accesses[i].Seq = &seq
		if e, err = entry.Sign(im.remote.signer, accesses[i]); err == nil {
			signed = append(signed, posted{event: key[:], part: i, seq: seq, sdjwt: e.SDJWT()})
		}
	}
	if err != nil {
		im.sum.Unreadable++
		fmt.Fprintf(im.errOut, "igledger: %s: event %d: %v\n", name, ev.Number, err)
		return nil
	}
	im.seq += uint64(len(signed))
	im.waiting = append(im.waiting, signed...)
	if len(im.waiting) >= im.batch {
		return im.flush(ctx)
	}
	return nil
}

// flush makes what is queued durable, then sends it.
func (im *importer) flush(ctx context.Context) error {
	if len(im.waiting) > 0 {
		if err := im.outbox.put(ctx, im.waiting, time.Now().UTC().Format(time.DateOnly)); err != nil {
			return err
		}
		im.waiting = nil
	}
	return im.drain(ctx)
}

// drain sends all that the outbox holds, in sequence, and checks the receipts.
func (im *importer) drain(ctx context.Context) error {
	for {
		list, err := im.outbox.waiting(ctx, im.batch)
		if err != nil {
			return fmt.Errorf("reading the outbox: %w", err)
		}
		if len(list) == 0 {
			return nil
		}
		if err := im.send(ctx, list); err != nil {
			return err
		}
	}
}

func (im *importer) send(ctx context.Context, list []posted) error {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.sdjwt
	}
	results, err := im.remote.Submit(ctx, texts)
	if err != nil {
		return err
	}
	done := make([]settled, len(list))
	for i, res := range results {
		s := settled{posted: list[i], index: res.Index}
		if res.Problem != nil {
			if settleable := res.Problem.Status != 403 && res.Problem.Code() != string(wire.UnknownKey); !settleable {
				return refused("the ledger refused entry %d: %w", list[i].seq, res.Problem) // a key that is not enrolled yet: nothing is given up
			}
			s.problem = res.Problem.Code()
			im.sum.Refused++
			fmt.Fprintf(im.errOut, "igledger: entry with sequence number %d refused: %v\n", list[i].seq, res.Problem)
			done[i] = s
			continue
		}
		e, err := entry.Parse(list[i].sdjwt)
		if err != nil {
			return fmt.Errorf("the outbox holds a damaged entry: %w", err)
		}
		if err := im.remote.checkReceipt(ctx, e, res.Receipt); err != nil {
			return err
		}
		im.sum.Logged++
		im.sum.Size = max(im.sum.Size, res.Index+1)
		done[i] = s
	}
	im.bar.Add(len(list)) //nolint:errcheck // the bar is decoration
	return im.outbox.settle(ctx, done)
}

// progress gives a bar that shows only on a terminal, once something takes more than a second.
func progress(w io.Writer, what string) *progressbar.ProgressBar {
	visible := false
	if f, ok := w.(*os.File); ok {
		visible = term.IsTerminal(int(f.Fd()))
	}
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetVisibility(visible),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(time.Second/2), progressbar.OptionClearOnFinish())
}
