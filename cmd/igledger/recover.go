package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
	"igledger/ledger/witness"
)

func recoverCommand() *cli.Command {
	return &cli.Command{
		Name:  "recover",
		Usage: "say what a log lost that stopped, and let it go on or end it",
		Description: "Compares the database with the signing record and the witnesses of --policy, and names the\n" +
			"entries that are lost. Changes nothing without --continue or --end. A log that lost entries\n" +
			"cannot go on: find the lost database (a -wal file, a newer backup, another node), or end the\n" +
			"log with --end and begin a successor with igledger init --predecessor, to which sources send\n" +
			"again. See docs/OPERATE.md. Exit code 0 if the log appends with this database, 1 if it does not.\n\n" +
			"Example: igledger recover --keys keys --database postgres://… --policy policy.txt",
		Flags: append(logFlags(), policyFlag(),
			&cli.BoolFlag{Name: "continue", Usage: "let the log go on, if its database holds all that was signed and seen"},
			&cli.BoolFlag{Name: "trust-database",
				Usage: "with --continue, when the signing record is lost and no witness answers: take the database for whole"},
			&cli.BoolFlag{Name: "lost-database",
				Usage: "with --end, when the database is lost and there is no backup: end the log by what its record and witnesses know"},
			&cli.StringFlag{Name: "end", Usage: "end the log for good, and write its end to `FILE` for its successor's genesis"},
			command.YesFlag(), &cli.BoolFlag{Name: "json", Usage: "print as JSON"}),
		Action: recoverLog,
	}
}

func recoverLog(c *cli.Context) error {
	if c.Bool("continue") && c.IsSet("end") {
		return usage("a log goes on or ends: give --continue or --end")
	}
	policy, _, err := readPolicy(c)
	if err != nil {
		return err
	}
	if c.Bool("lost-database") && !c.IsSet("end") {
		return usage("--lost-database needs --end FILE: without a database a log can only end")
	}
	cfg, err := keysConfig(c)
	if err != nil {
		return err
	}
	defer func() { closeLog(cfg) }()
	cfg.Storage, err = storage.Open(c.Context, c.String("database"))
	switch none := errors.Is(err, storage.ErrNoDatabase); {
	case c.Bool("lost-database") && err == nil:
		return usage("--lost-database: there is a database at --database; without the flag the log ends with it")
	case c.Bool("lost-database") && none:
		cfg.Storage, err = storage.Open(c.Context, "sqlite::memory:")
	case err != nil:
		err = notOpened(c.Context, cfg.Record, err)
	}
	if err != nil {
		return err
	}
	cfg.Policy = policy
	asked, err := witnesses(policy, logger(io.Discard), nil)
	if err != nil {
		return err
	}
	return recoverWith(c, cfg, asked)
}

func recoverWith(c *cli.Context, cfg ledger.Config, asked *witness.Client) error {
	var d *ledger.Damage
	var end *entry.Predecessor
	var err error
	switch {
	case c.Bool("continue"):
		d, err = ledger.Continue(c.Context, cfg, asked, c.Bool("trust-database"))
	case c.IsSet("end"):
		if err := command.NewFile(c.String("end")); err != nil { // before what cannot be taken back
			return fmt.Errorf("--end: %w. The log has not ended", err)
		}
		if err := command.Confirm(c, "recover --end", cfg.Origin); err != nil {
			return err
		}
		if err := writable(c.String("end")); err != nil {
			return fmt.Errorf("--end: %w. The log has not ended", err)
		}
		d, end, err = ledger.End(c.Context, cfg, asked)
		if err != nil {
			removeEmpty(c.String("end"))
		}
	default:
		d, err = ledger.Examine(c.Context, cfg, asked)
	}
	if d == nil {
		return damagedRecord(err)
	}
	if err := output(c, d, "%s", damageText(d)); err != nil {
		return err
	}
	switch {
	case err != nil:
		return refused("%w", err)
	case end != nil:
		data, err := json.Marshal(end)
		if err != nil {
			return err
		}
		return os.WriteFile(c.String("end"), append(data, '\n'), 0o644)
	case c.Bool("continue"):
		fmt.Fprintln(c.App.ErrWriter, "igledger: the log may go on; restart every igledger serve that has it open")
		return nil
	case !d.Whole():
		return refused("the log cannot go on with this database")
	case d.Ended:
		return refused("the log has ended")
	case d.Unknown():
		return refused("without a signing record, and without a witness that answers, nothing says whether the database is whole. " +
			"Put the record back, or name witnesses by --policy. If you know that no entry came after these, " +
			"igledger recover --continue --trust-database makes the record anew")
	case d.NoRecord || d.Stopped != "":
		return refused("the log appends nothing until igledger recover --continue lets it go on")
	}
	return nil
}

// writable makes the file if it does not exist, and returns nil if it can be written.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func removeEmpty(path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		_ = os.Remove(path) // it is of no use to anyone, and does no harm
	}
}

// damagedRecord adds to an error of the signing record what can be done.
func damagedRecord(err error) error {
	if errors.Is(err, ledger.ErrRecord) {
		err = fmt.Errorf("%w. If it is damaged and cannot be put right, move it away: igledger recover then "+
			"makes it anew from what witnesses know", err)
	}
	return err
}

func damageText(d *ledger.Damage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "in the database    %s\nknown to be signed %s, root %x\n",
		counted(d.Database, "entry", "entries"), counted(d.Signed, "entry", "entries"), d.Root)
	for _, name := range slices.Sorted(maps.Keys(d.Witnesses)) {
		fmt.Fprintf(&b, "seen by %s: %s\n", name, counted(d.Witnesses[name], "entry", "entries"))
	}
	if d.NoRecord {
		b.WriteString("the signing record is missing\n")
	}
	if d.Stopped != "" {
		fmt.Fprintf(&b, "stopped: %s\n", d.Stopped)
	}
	switch {
	case d.Database == 0 && d.Signed == 0:
		b.WriteString("there is no log in this database, and by its record none was signed; igledger init creates it\n")
		return b.String()
	case d.Database == 0:
		b.WriteString("this database holds no entry of the log: is --database the right one? Is a -wal file missing beside it?\n")
	case d.Unknown():
		b.WriteString("whether entries are lost cannot be told\n")
		return b.String()
	case d.Forked:
		b.WriteString("the database holds another tree than the one that was signed\n")
	case d.Lost != nil:
		fmt.Fprintf(&b, "lost: entries %d to %d\n", d.Lost.First, d.Lost.Last)
	default:
		b.WriteString("nothing is lost\n")
		return b.String()
	}
	if d.Ended {
		b.WriteString("The log has ended. Begin a successor with igledger init --predecessor FILE. Sources send again to it, each\n" +
			"stream from the number after the last one that the database has:\n")
	} else {
		b.WriteString("The log cannot go on from here. Find the lost database, or end the log with --end FILE and begin a successor\n" +
			"with igledger init --predecessor FILE. Sources then send again to the successor, each stream from the number\n" +
			"after the last one that the database has:\n")
	}
	for _, s := range d.Streams {
		fmt.Fprintf(&b, "  %s %s: from number %d\n", s.Organisation, s.Source, s.Last+1)
	}
	return b.String()
}

// readPredecessor reads the end of a log that recover --end wrote.
func readPredecessor(c *cli.Context, path string) (*entry.Predecessor, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readText(c, path)
	if err != nil {
		return nil, fmt.Errorf("--predecessor: %w", err)
	}
	p := new(entry.Predecessor)
	if err := json.Unmarshal(data, p, json.RejectUnknownMembers(true)); err != nil {
		return nil, usage("--predecessor: %v", errors.New("it is not the end of a log that igledger recover --end wrote"))
	}
	return p, nil
}
