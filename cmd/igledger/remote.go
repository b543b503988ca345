package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// remoteFlags returns the flags that name the ledger and the caller, followed by more.
func remoteFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "url", Value: "http://127.0.0.1:8080", EnvVars: []string{"IGLEDGER_URL"},
			Usage: "the ledger's address"},
		&cli.StringFlag{Name: "org", EnvVars: []string{"IGLEDGER_ORG"}, Usage: "id of your organisation, which signs"},
		&cli.StringFlag{Name: "key", EnvVars: []string{"IGLEDGER_KEY"},
			Usage: "file with your organisation's private JWK" + command.KeyHelp},
		&cli.StringFlag{Name: "log-key", EnvVars: []string{"IGLEDGER_LOG_KEY"},
			Usage: "the log's verifier key; without it the command trusts the key that the ledger sends"},
		&cli.DurationFlag{Name: "max-wait", Value: 2 * time.Minute, EnvVars: []string{"IGLEDGER_MAX_WAIT"},
			Usage: "give up (exit 3) when the ledger cannot be reached or is busy for this long; 0: never"},
		&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
	}, more...)
}

// listFlag is that of imports.
func listFlag() cli.Flag {
	return &cli.StringFlag{Name: "list", Usage: "write everything that was not understood or read to `FILE`, a line for each: " +
		"input, line (on which a consent, or the Bundle or list that holds it, begins), event or resource, code, FHIR path, " +
		"separated by tabs"}
}

// strictFlag is that of commands that read what others wrote.
func strictFlag() cli.Flag {
	return &cli.BoolFlag{Name: "strict", Usage: "sign nothing that is not wholly understood (exit 1)"}
}

// remote is a ledger reached over HTTP, and the organisation that calls it.
type remote struct {
	*client.Client
	origin   string
	org      string
	signer   *wire.Signer // nil for public calls
	logKey   string
	receipts *source.Receipts
}

// speaker is how a caller identifies itself to a ledger.
type speaker int

const (
	anybody     speaker = iota // no signature
	signing                    // --org and --key are needed
	signingAway                // --org and --key are needed, and the ledger only if --log-key is not given
	keeping                    // the same, for a source: its outbox keeps what it cannot send now
)

// newRemote returns the remote that the flags describe.
func newRemote(c *cli.Context, as speaker) (*remote, error) {
	if _, err := wire.ServerURL(c.String("url")); err != nil {
		return nil, usage("--url must be the ledger's address, such as https://ledger.example.scot")
	}
	if key := c.String("log-key"); key != "" {
		if _, err := source.NewReceipts(c.String("url"), key); err != nil {
			return nil, usage("--log-key: %v", err)
		}
	}
	wait := c.Duration("max-wait")
	if wait < 0 {
		return nil, usage("--max-wait must not be negative")
	}
	r := &remote{Client: &client.Client{Base: c.String("url"), HTTP: &http.Client{Timeout: 2 * time.Minute}, MaxWait: wait},
		org: c.String("org"), logKey: c.String("log-key")}
	errOut := c.App.ErrWriter
	r.OnRetry = func(err error, d time.Duration) {
		fmt.Fprintf(errOut, "igledger: %s; trying again in %s\n", command.Plain(err.Error()), d.Round(time.Millisecond))
	}
	if as != anybody {
		if r.org == "" || c.String("key") == "" {
			return nil, usage("give --org and --key")
		}
		signer, err := command.Signer(c, "key")
		if err != nil {
			return nil, err
		}
		r.signer = signer
	}
	if as != signingAway || r.logKey == "" {
		err := r.meet(c.Context, errOut, as == keeping && r.logKey != "")
		if err != nil && as == keeping && r.logKey != "" && exitCode(err) == exitUnreachable {
			err = nil // what it would send waits in the outbox
		} else if err != nil && r.logKey == "" && exitCode(err) == exitUnreachable {
			err = fmt.Errorf("asking for the log's key, since no --log-key is given: %w", err)
		}
		if err != nil {
			return nil, err
		}
	}
	receipts, err := source.NewReceipts(r.Base, r.logKey)
	if err != nil {
		return nil, fmt.Errorf("the ledger's key: %w", err)
	}
	r.receipts, r.origin = receipts, receipts.Origin()
	return r, nil
}

// meet asks the ledger for its key. This first call does not wait long for a server that is not
// there, and if once is true it does not wait at all. Later calls know that a server exists, which
// may be busy, and wait.
func (r *remote) meet(ctx context.Context, errOut io.Writer, once bool) error {
	const most = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	first := *r.Client
	if first.MaxWait == 0 || first.MaxWait > most {
		first.MaxWait = most
	}
	if once {
		first.Attempts = 1
	}
	info, err := first.LogInfo(ctx)
	if client.Stopped(err) && r.logKey != "" {
		return nil // an import still fills the outbox; the next call says that the log has stopped
	}
	if err != nil {
		return err
	}
	if info.LogKey == "" {
		return errors.New("the answer of this address is not that of a ledger")
	}
	if r.logKey == "" {
		r.logKey = info.LogKey
		fmt.Fprintf(errOut, "igledger: no --log-key given; trusting the key that the ledger sends: %s\n", info.LogKey)
	}
	if r.logKey != info.LogKey {
		return refused("the ledger at this address has the key %s, but --log-key is %s", info.LogKey, r.logKey)
	}
	return nil
}

// asCaller makes the calls of r carry a token for function, such as "ig-office" or the name of the
// command.
func (r *remote) asCaller(function string) {
	r.Token = func() (string, error) { return register.SignCaller(r.signer, r.origin, r.org, function, time.Now()) }
}

// common returns the start of an entry for this log.
func (r *remote) common() entry.Common {
	return entry.Common{Issuer: r.org, Audience: r.origin}
}

// submit signs and submits body, and checks the receipt. If it returns without error, the entry is
// in the log.
func (r *remote) submit(ctx context.Context, body entry.Body) (client.Result, error) {
	e, err := entry.Sign(r.signer, body)
	if err != nil {
		return client.Result{}, usage("%v", err)
	}
	results, err := r.Submit(ctx, []string{e.SDJWT()})
	if err != nil {
		return client.Result{}, err
	}
	res := results[0]
	if res.Problem != nil {
		return res, r.refusal(res.Problem)
	}
	res.Index, err = r.receipts.Check(ctx, e, res.Receipt)
	return res, err
}

// refusal returns the error of a command whose entry the ledger refused.
func (r *remote) refusal(p *client.Problem) error {
	if p.OfKey() {
		return refused("the ledger refused the key, and nothing was recorded: %w. igledger key list --of %s shows the keys that %s "+
			"has, and for what; give --key one of them", p, r.org, r.org)
	}
	return refused("the ledger refused: %w", p)
}

// output prints v as JSON if --json is given, else the text.
func output(c *cli.Context, v any, format string, args ...any) error {
	if c.Bool("json") {
		return printJSON(c.App.Writer, v)
	}
	_, err := fmt.Fprintf(c.App.Writer, format, args...)
	return err
}

func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, 0x0a))
	return err
}
