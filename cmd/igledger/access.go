package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/internal/source"
	"igledger/ledger/wire"
	"igledger/verifier"
)

func accessCommand() *cli.Command {
	return &cli.Command{
		Name:  "access",
		Usage: "record accesses",
		Subcommands: []*cli.Command{{
			Name:      "import",
			Usage:     "report accesses to records from FHIR R4 and R5 AuditEvents",
			ArgsUsage: "FILE… or - for standard input",
			Description: "Reads single AuditEvents, Bundles, arrays and NDJSON, also compressed with gzip. Signs each entry on this machine with the\n" +
				"source's key, keeps it in a durable outbox, sends it in batches, and deletes its content\n" +
				"only after checking the receipt. If it is interrupted, run the same command again: it\n" +
				"continues, and nothing is lost or duplicated. What cannot be read is reported with its line,\n" +
				"and the rest is imported (exit 1). An event of any size is taken: what does not fit stays in\n" +
				"the outbox, and the entry has its hash.\n\n" +
				"With --policy, events are sent at once, but the content is deleted only when a receipt\n" +
				"has come under a checkpoint that the policy's witnesses and auditors cosigned. What still\n" +
				"waits for them after --wait is counted, kept, and looked for again by the next run.\n" +
				"Without --policy the log's signature is enough, and nobody else vouches for it. Receipts\n" +
				"are kept in the outbox; igledger receipt --outbox prints them.\n\n" +
				"A log that forked or went back is found in every run (exit 1): nothing more is sent or\n" +
				"deleted, and the evidence is kept beside the outbox for igverify evidence. If the operator\n" +
				"says from which entry on the log was lost, --send-again-from sends the rest again.\n\n" +
				"Of what was taken, the summary says what was not understood: how many events, and the first of\n" +
				"each kind; --list writes all of them. Nothing there names a person. With --strict such events\n" +
				"are not signed (exit 1); mend the mapping, and import them again.\n\n" +
				"If the ledger is away for longer than --max-wait, all events are read into the outbox (give\n" +
				"--log-key), and the command ends (exit 3); the next run sends them. If it refuses the key,\n" +
				"igledger access outbox shows what waits and signs it anew.\n\n" +
				"Example: igledger access import --org NHSL --key lothian-submit.jwk --source trakcare " +
				"--log-key \"$LOG_KEY\" events.ndjson",
			Flags: remoteFlags(append(append(outboxFlags(), mappingFlags()...),
				listFlag(),
				strictFlag(),
				&cli.IntFlag{Name: "batch", Value: 256, Usage: "entries per request, from 1 to 1000"},
				&cli.Uint64Flag{Name: "send-again-from",
					Usage: "first, end the alarm and send again what the ledger acknowledged at this `INDEX` or later and has lost, " +
						"as its operator said"},
			)...),
			Action: importAction,
		}, outboxCommand(), originalCommand(), followUpCommand(), notesCommand(), {
			Name:  "settle",
			Usage: "forget what cosigners have seen by now, without new events",
			Description: "Sends what still waits in the outbox of access import, looks for receipts under checkpoints that\n" +
				"the policy's witnesses and auditors cosigned, deletes the content that these cover, and keeps\n" +
				"the receipts. Also holds the log against what the source has seen of it, as every import does.\n" +
				"Exit code 0 says that the log is right, not that nothing waits: see the numbers.\n\n" +
				"Example: igledger access settle --org NHSL --key lothian-submit.jwk --source trakcare " +
				"--policy policy.txt",
			Flags: remoteFlags(outboxFlags()...),
			Action: func(c *cli.Context) error {
				if err := begunOutbox(outboxOf(c)); err != nil {
					return err
				}
				return imported(c, nil)
			},
		}},
	}
}

// outboxFlags are those of the commands that use a source's outbox.
func outboxFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source", Required: true,
			Usage: "name of the reporting system; each source has its own sequence numbers"},
		outboxFlag(),
		&cli.StringFlag{Name: "policy", EnvVars: []string{"IGLEDGER_SOURCE_POLICY"},
			Usage: "`FILE` that says whose cosignatures a receipt needs before the content is deleted (C2SP tlog-policy)"},
		&cli.StringFlag{Name: "genesis",
			Usage: "`HASH` of the log's first entry, as igledger init prints it (default: the one of the first use)"},
		&cli.DurationFlag{Name: "wait", Value: time.Minute,
			Usage: "with --policy: how long to wait in the end for cosigners"},
		&cli.Int64Flag{Name: "keep-receipts", Value: source.DefaultReceipts >> 20,
			Usage: "room for receipts in MiB; beyond it the oldest are dropped, and counted"},
	}
}

// outboxOf returns the file that --outbox names.
func outboxOf(c *cli.Context) string {
	if path := c.String("outbox"); path != "" {
		return path
	}
	return c.String("source") + ".outbox"
}

// named refuses a source whose name is a path, unless --outbox names the file: the outbox would be
// in another folder than it seems.
func named(c *cli.Context) error {
	if name := c.String("source"); c.String("outbox") == "" && (strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".")) {
		return usage("--source %s is no name of a file: name the outbox with --outbox", name)
	}
	return nil
}

// notElsewhere refuses to begin an outbox by default for a source that has submitted before: it has
// an outbox in another folder, and with a second one the same events would be in the log twice.
func notElsewhere(c *cli.Context) error {
	if c.String("outbox") != "" || begunOutbox(outboxOf(c)) == nil {
		return nil
	}
	names, err := ownSources(c)
	if err != nil || !slices.Contains(names, c.String("source")) {
		return nil // what is not known now, the overseers see as repeated numbers
	}
	return refused("the ledger has accesses of source %s, but %s is not in this folder: go to the folder of its outbox, or name it "+
		"with --outbox. If it is lost, --outbox FILE begins another, with numbers from 1, and events of before are imported again",
		c.String("source"), outboxOf(c))
}

// begunOutbox refuses a path at which no import has begun an outbox.
func begunOutbox(path string) error {
	if err := source.Outbox(path); err != nil {
		return fmt.Errorf("--outbox: %w. igledger access import begins one", err)
	}
	return nil
}

// trusts sets what the flags say about whom the source trusts.
func (r *remote) trusts(c *cli.Context, config *source.Config) error {
	if room := c.Int64("keep-receipts"); room < 1 || room > 1<<32 {
		return usage("--keep-receipts must be at least 1 (MiB)")
	}
	if c.Duration("wait") < 0 {
		return usage("--wait must not be negative")
	}
	config.Receipts, config.Wait = c.Int64("keep-receipts")<<20, c.Duration("wait")
	var err error
	config.Genesis, err = genesisOf(c)
	if err != nil {
		return err
	}
	config.Policy, err = policyOf(c)
	return err
}

// genesisOf reads --genesis. It returns nil if there is none.
func genesisOf(c *cli.Context) (*wire.Hash, error) {
	text := c.String("genesis")
	if text == "" {
		return nil, nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(wire.Hash{}) {
		return nil, usage("--genesis: give the 64 hexadecimal digits that igledger init prints")
	}
	h := wire.Hash(b)
	return &h, nil
}

// policyOf reads --policy. It returns nil if there is none.
func policyOf(c *cli.Context) (*verifier.Policy, error) {
	path := c.String("policy")
	if path == "" {
		return nil, nil
	}
	data, err := readText(c, path)
	if err != nil {
		return nil, usage("--policy: %w", err)
	}
	p, err := verifier.ParsePolicy(data)
	if err != nil {
		return nil, usage("--policy: %w", err)
	}
	return p, nil
}

// sourceRemote returns the remote of a command that uses an outbox. Without --log-key it takes the
// key of the only log in the policy.
func sourceRemote(c *cli.Context) (*remote, error) {
	p, err := policyOf(c)
	if err != nil {
		return nil, err
	}
	if p != nil && c.String("log-key") == "" && len(p.Logs) == 1 && len(p.Logs[0].GenesisKeys()) == 1 {
		if err := c.Set("log-key", p.Logs[0].GenesisKeys()[0].VKey); err != nil {
			return nil, err
		}
	}
	r, err := newRemote(c, keeping)
	if err != nil {
		return nil, err
	}
	if p != nil {
		if err := policyKnows(p, r.logKey); err != nil {
			return nil, err
		}
	}
	r.asCaller("igledger") // for its share of the server's memory
	return r, nil
}

// agent opens the source's agent that the flags describe, with a progress bar. The caller finishes
// the bar and closes the agent.
func (r *remote) agent(c *cli.Context, what string) (*source.Agent, *command.Progress, error) {
	bar, errOut := command.NewProgress(c, what, 0), c.App.ErrWriter
	config := source.Config{Client: r.Client, LogKey: r.logKey, Org: r.org, Signer: r.signer,
		Source: c.String("source"), Outbox: outboxOf(c), Batch: c.Int("batch"), Strict: c.Bool("strict"),
		OnSent:   bar.Add,
		OnReject: func(err error) { fmt.Fprintln(errOut, "igledger:", command.Plain(err.Error())) }}
	said := false
	config.OnWait = func(n int, why error) {
		if !said {
			fmt.Fprintf(errOut, "igledger: waiting for cosigners of %s: %v\n", counted(n, "entry", "entries"), command.Plain(why.Error()))
		}
		said = true
	}
	if wire.CheckSystem(config.Source) != nil {
		return nil, nil, usage("--source cannot name a source system: want 1 to 128 printable ASCII characters, without blanks")
	}
	if err := r.trusts(c, &config); err != nil {
		return nil, nil, err
	}
	var err error
	config.Map, err = mappingOf(c)
	if err != nil {
		return nil, nil, err
	}
	a, err := source.Open(c.Context, config)
	if other := new(source.StreamError); errors.As(err, &other) {
		err = usage("%w", err)
	}
	if err == nil && config.Policy == nil {
		fmt.Fprintln(errOut, "igledger: no --policy given: receipts are signed by the log only; nobody else vouches")
	}
	return a, bar, err
}

// Most of what an import allocates is short-lived, and little of it lives at once: collecting
// garbage at every doubling costs a tenth of its time. Above the limit it is collected as often as
// ever.
const (
	garbage      = 400 // percent
	memoryMostly = 256 << 20
)

func importAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return usage("access import: give one or more files, or - for standard input")
	}
	if n := c.Int("batch"); n < 1 || n > client.MaxEntries {
		return usage("--batch must be from 1 to %d", client.MaxEntries)
	}
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(garbage))
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryMostly))
	}
	return imported(c, inputs(c.Args().Slice(), c.App.Reader))
}

// imported runs an import of inputs, perhaps none, and prints what it did.
func imported(c *cli.Context, list []source.Input) error {
	if err := named(c); err != nil {
		return err
	}
	if err := notElsewhere(c); err != nil {
		return err
	}
	r, err := sourceRemote(c)
	if err != nil {
		return err
	}
	notes, err := newUnderstanding(c, "event", "events")
	if err != nil {
		return err
	}
	a, bar, err := r.agent(c, "importing")
	if err != nil {
		return err
	}
	defer a.Close()
	a.OnNote, a.OnReject = notes.note, notes.reject
	if c.IsSet("send-again-from") {
		n, err := a.SendAgain(c.Context, c.Uint64("send-again-from"))
		fmt.Fprintf(c.App.ErrWriter, "igledger: %s sent again\n", counted(n, "entry was", "entries were"))
		if err != nil {
			return fmt.Errorf("%w; run the same command again to continue", err)
		}
	}
	sum, err := a.Import(c.Context, list...)
	bar.Done()
	if sum.Uncosigned > 0 {
		fmt.Fprintf(c.App.ErrWriter, "igledger: the content of %s in the log is kept until cosigners have seen it; the next run, "+
			"or igledger access settle, looks again\n", counted(sum.Uncosigned, "entry", "entries"))
	}
	if sum.Unasked > 0 {
		fmt.Fprintf(c.App.ErrWriter, "igledger: %s of patients failed; these accesses are under local numbers\n",
			counted(sum.Unasked, "look-up", "look-ups"))
	}
	if sum.Dropped > 0 {
		fmt.Fprintf(c.App.ErrWriter, "igledger: %s dropped, because --keep-receipts leaves no room\n",
			counted(sum.Dropped, "old receipt was", "old receipts were"))
	}
	if other := new(source.LogError); errors.As(err, &other) {
		return err
	}
	if err := printImport(c, sum, notes, len(list) == 0); err != nil {
		return err
	}
	switch {
	case err != nil:
		return advised(c, err, sum.Outbox)
	case sum.Unreadable > 0 || sum.Unclear > 0:
		return refused("%s not in the log, see above",
			counted(sum.Unreadable+sum.Unclear, "event or other value is", "events or other values are"))
	}
	return nil
}

// printImport prints what became of everything that was read, also if the import could not go on.
func printImport(c *cli.Context, sum source.Summary, notes *understanding, settling bool) error {
	unclear := ""
	if c.Bool("strict") {
		unclear = fmt.Sprintf(", %d not understood", sum.Unclear)
	}
	err := output(c, imports{sum, notes.counts()},
		"%s: %d taken, %d imported before, %d refused, %d not converted%s, %d waiting; %s added to the log\n",
		counted(sum.Events, "event", "events"), sum.Taken, sum.Known, sum.Refused, sum.Unreadable, unclear, sum.Waiting,
		counted(sum.Logged, "entry", "entries"))
	if err == nil && !c.Bool("json") {
		err = notes.print(c.App.Writer)
	}
	if err == nil {
		err = notes.close()
	}
	if err == nil && settling && !c.Bool("json") {
		_, err = fmt.Fprintf(c.App.Writer, "%s forgotten, %d waiting for cosigners\n",
			counted(sum.Forgotten, "entry", "entries"), sum.Uncosigned)
	}
	if err == nil && sum.Plainer > 0 {
		fmt.Fprintf(c.App.ErrWriter, "igledger: the ledger refused %s; a plainer form is sent instead, and the outbox "+
			"keeps what was refused: igledger access original\n", counted(sum.Plainer, "entry as it was", "entries as they were"))
	}
	return err
}

// inputs returns the files with these names as inputs; "-" is standard input.
func inputs(names []string, stdin io.Reader) []source.Input {
	list := make([]source.Input, len(names))
	for i, name := range names {
		open := func() (io.ReadCloser, error) { return os.Open(name) }
		if name == "-" {
			open = func() (io.ReadCloser, error) { return io.NopCloser(stdin), nil }
		}
		list[i] = source.Input{Name: name, Open: open}
	}
	return list
}
