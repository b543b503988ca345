package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/mod/sumdb/note"

	"igledger/internal/command"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// spec is one igverify command: its name and help, and a function that fills a report.
type spec struct {
	name, usage, argsUsage, description string
	args                                int // number of positional arguments
	flags                               []cli.Flag
	offline                             bool // takes no log
	check                               func(*session) error
}

// session is one run of a command.
type session struct {
	ctx    context.Context
	c      *cli.Context
	report *report

	policy *verifier.Policy
	pinned *wire.Hash // from --genesis; nil: any

	// With --from: the log, the checkpoint that the command rests on, and the log's newest, which
	// may have fewer cosigners. Without it, key and log may be set by oneLog.
	key          string // verifier key
	log          note.Verifier
	src          *fetch.Log // nil without --from
	signed       []byte
	head         proof.Checkpoint
	newestSigned []byte
	newest       proof.Checkpoint
	stale        string // why head is true but old; "": it is not
}

var (
	fromFlag = &cli.StringFlag{Name: "from", Usage: "the log's `URL or directory`"}
	jsonFlag = &cli.BoolFlag{Name: "json", Usage: "print a report for machines"}
)

func (spec spec) cli() *cli.Command {
	return &cli.Command{
		Name: spec.name, Usage: spec.usage, ArgsUsage: spec.argsUsage, Description: spec.description,
		Flags: append(append(spec.shared(), spec.flags...), jsonFlag),
		Action: func(c *cli.Context) error {
			s := &session{ctx: c.Context, c: c, report: &report{Command: spec.name}}
			err := s.begin(spec)
			if err == nil {
				err = spec.check(s)
			}
			if e := new(command.Error); errors.As(err, &e) {
				return e
			}
			var f *verifier.Failure
			if errors.As(err, &f) {
				s.report.Fail(f)
				err = nil
			}
			if errors.Is(err, errReported) {
				err = nil
			}
			code := s.report.finish(err)
			if cannot := s.report.write(command.ScreenOf(c), c.Bool("json")); cannot != nil {
				if code != exitFailed {
					code = exitUnreadable
				}
				return &command.Error{Code: code, Err: cannot}
			}
			if s.report.Error != "" && !c.Bool("json") { // the report for people does not hold it
				return &command.Error{Code: code, Err: err}
			}
			if code == exitGood {
				return nil
			}
			return &command.Error{Code: code}
		},
	}
}

// shared returns the flags that say whom the reader trusts and, unless it is offline, which log a
// command is about.
func (spec spec) shared() []cli.Flag {
	if spec.offline {
		return []cli.Flag{keyFlag, policyFlag, genesisFlag}
	}
	return []cli.Flag{keyFlag, policyFlag, genesisFlag, fromFlag}
}

// begin checks what all commands have in common. If --from is given, it reads the state of the log
// that the command rests on.
func (s *session) begin(spec spec) error {
	if s.c.NArg() != spec.args {
		plural := "s"
		if spec.args == 1 {
			plural = ""
		}
		return usage("igverify %s takes %d argument%s, not %d; see igverify %s --help",
			spec.name, spec.args, plural, s.c.NArg(), spec.name)
	}
	if err := s.readTrust(); err != nil || spec.offline {
		return err
	}
	if s.c.String("from") != "" {
		return s.openLog()
	}
	if spec.name != receiptCommand.name {
		return usage("--from is missing: give the log's URL or directory")
	}
	return s.oneLog("a receipt without --from")
}

// genesis reads leaf 0 from the log and checks that it is leaf 0 and a genesis.
func (s *session) genesis() (*entry.Genesis, error) {
	if s.head.Size == 0 {
		return nil, fetch.EmptyLog()
	}
	leaf, err := s.src.Leaf(s.ctx, 0, s.head.Size)
	if err != nil {
		return nil, err
	}
	path, err := verifier.InclusionPath(s.src.Tiles(s.ctx), 0, s.head.Size)
	if err != nil {
		return nil, err
	}
	if err := verifier.CheckInclusionOf(proof.LeafHash(leaf), 0, path, s.head); err != nil {
		return nil, err
	}
	g, err := verifier.CheckGenesis(leaf, s.key)
	if err == nil {
		s.report.Pass(verifier.CheckGenesisLeaf, verifier.At(0), "leaf 0 names this log key and the pseudonym key")
	}
	return g, err
}

// registerAt replays the log up to but not including index, and returns the register as it was
// there. It checks that the current checkpoint covers what was replayed.
func (s *session) registerAt(index uint64) (*register.Register, error) {
	replay, err := verifier.NewLogReplay(s.key)
	if err != nil {
		return nil, err
	}
	bar := command.NewProgress(s.c, "reading the log up to the entry", index)
	defer bar.Done()
	err = s.src.Pieces(s.ctx, 0, index, s.head.Size, false, func(p fetch.Piece) error {
		for _, leaf := range p.Leaves[:min(uint64(len(p.Leaves)), index-replay.Size())] {
			if err := replay.Add(leaf); err != nil {
				return err
			}
		}
		bar.At(replay.Size())
		return nil
	})
	if err != nil || index == 0 {
		return replay.Register(), err
	}
	before := proof.Checkpoint{Origin: s.head.Origin, Size: index, Root: replay.Root()}
	err = verifier.CheckConsistency(before, s.head, s.src.Tiles(s.ctx))
	var f *verifier.Failure
	if errors.As(err, &f) {
		return nil, &verifier.Failure{Check: verifier.CheckRoot,
			Expected: fmt.Sprintf("the entries below %d that the checkpoint covers", index), Found: "other entries",
			Meaning: "the log serves entries that are not those it signed: an entry before this one was exchanged or damaged. " +
				"To find out which, run igverify log",
			Err: f}
	}
	if err == nil {
		s.report.Pass(verifier.CheckRoot, nil, "the entries below %d are those of the log, and obey the register's rules",
			index)
	}
	return replay.Register(), err
}

// readFile reads a file of at most limit bytes that the user named, or stdin for "-".
func (s *session) readFile(what, name string, limit int64) ([]byte, error) {
	in := s.c.App.Reader
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes", what, limit)
	}
	data, f := wire.Text(data) // every file here is text, and no hash is of one as it stands
	if !f.IsZero() {
		return nil, fmt.Errorf("%s: %s", what, f)
	}
	return data, nil
}

// readKind reads a file of one kind, and refuses one of another: its checks would say that it was
// damaged or altered.
func (s *session) readKind(what, name string, limit int64) ([]byte, error) {
	data, err := s.readFile(what, name, limit)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, usage("%s: %s is empty", what, name)
	}
	for _, k := range kinds {
		if k.is(data) && k.name != what && !(what == "statement" && k.name == "extract") {
			return nil, usage("%s is a %s, which igverify %s checks: give a %s", name, k.name, k.command, what)
		}
	}
	return data, nil
}

// kinds are the files that people are given, and the commands that check them.
var kinds = []struct {
	name, command string
	is            func([]byte) bool
}{
	{"statement", "statement", func(data []byte) bool { _, err := bundle.ParseStatement(data); return err == nil }},
	{"extract", "statement", func(data []byte) bool { _, err := bundle.ParseExtract(data); return err == nil }},
	{"receipt", "receipt", func(data []byte) bool { _, err := bundle.ParseReceipt(data); return err == nil }},
	{"opening", "entry", func(data []byte) bool { _, err := bundle.ParseOpening(data); return err == nil }},
}

const maxFile = 4 << 20
