package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// remoteFlags say which ledger is spoken to and who speaks.
func remoteFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "url", Value: "http://127.0.0.1:8080", EnvVars: []string{"IGLEDGER_URL"}, Usage: "the ledger's address"},
		&cli.StringFlag{Name: "org", EnvVars: []string{"IGLEDGER_ORG"}, Usage: "id of the organisation that signs"},
		&cli.StringFlag{Name: "key", EnvVars: []string{"IGLEDGER_KEY"}, Usage: "file with the organisation's private JWK"},
		&cli.StringFlag{Name: "log-key", EnvVars: []string{"IGLEDGER_LOG_KEY"}, Usage: "the log's verifier key; without it the ledger's own word is taken"},
		&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
	}, more...)
}

// remote is a ledger spoken to over HTTP and the organisation that speaks.
type remote struct {
	*client.Client
	origin   string
	org      string
	signer   *wire.Signer // nil for public calls
	logKey   string
	receipts *source.Receipts
}

// who speaks to a ledger.
type speaker int

const (
	anybody     speaker = iota // no signature
	signing                    // --org and --key are needed
	signingAway                // so too, and the ledger itself only if --log-key is not given: for what is signed away from it
)

// newRemote reads the flags.
func newRemote(c *cli.Context, as speaker) (*remote, error) {
	r := &remote{Client: &client.Client{Base: c.String("url"), HTTP: &http.Client{Timeout: 2 * time.Minute}}, org: c.String("org"), logKey: c.String("log-key")}
	errOut := c.App.ErrWriter
	r.OnRetry = func(err error, d time.Duration) {
		fmt.Fprintf(errOut, "igledger: %v; trying again in %s\n", err, d.Round(time.Millisecond))
	}
	if as != anybody {
		if r.org == "" || c.String("key") == "" {
			return nil, usage("--org and --key are needed")
		}
		signer, err := readSigner(c.String("key"))
		if err != nil {
			return nil, err
		}
		r.signer = signer
	}
	if as != signingAway || r.logKey == "" {
		if err := r.meet(c.Context, errOut); err != nil {
			return nil, err
		}
	}
	receipts, err := source.NewReceipts(r.Base, r.logKey)
	if err != nil {
		return nil, usage("--log-key: %v", err)
	}
	r.receipts, r.origin = receipts, receipts.Origin()
	return r, nil
}

// meet asks the ledger who it is. This first call does not wait long for a server that is not there; what follows has one that may be busy, and waits.
func (r *remote) meet(ctx context.Context, errOut io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	info, err := r.LogInfo(ctx)
	if err != nil {
		return err
	}
	if r.logKey == "" {
		r.logKey = info.LogKey
		fmt.Fprintf(errOut, "igledger: no --log-key given, taking the ledger's word for %s\n", info.LogKey)
	}
	if r.logKey != info.LogKey {
		return refused("the ledger at this address is %s, --log-key is %s", info.LogKey, r.logKey)
	}
	return nil
}

// asCaller makes the calls of r carry a token for function ("ig-office"), or the command's name.
func (r *remote) asCaller(function string) {
	r.Token = func() (string, error) { return register.SignCaller(r.signer, r.origin, r.org, function, time.Now()) }
}

func readSigner(path string) (*wire.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	s, err := wire.ParseSigner(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// common is the beginning of an entry for this log.
func (r *remote) common() entry.Common {
	return entry.Common{Issuer: r.org, Audience: r.origin}
}

// submit signs body, hands it in and checks the receipt before it says that the entry is in.
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
		return res, refused("the ledger refused: %w", res.Problem)
	}
	res.Index, err = r.receipts.Check(ctx, e, res.Receipt)
	return res, err
}

// output prints v as JSON with --json, else the text.
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
