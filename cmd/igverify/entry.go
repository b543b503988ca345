package main

import (
	"github.com/urfave/cli/v2"

	"igledger/internal/command"
	"igledger/verifier"
)

var (
	askIDFlag = &cli.BoolFlag{Name: "ask-id", Usage: "ask for that id on the terminal, without showing it"}
	idFlag    = &cli.StringFlag{Name: "id",
		Usage: "that id itself; WARNING: other users of this machine can see it, and your shell keeps it"}
)

var entryCommand = spec{
	name: "entry", usage: "check an access that you are shown, against the log", argsUsage: "OPENING", args: 1,
	description: "Is the access I am shown exactly what is in the log, did the organisation sign it with a key that was " +
		"valid at the time, and is it filed under me? Prints who did what, why and when.\n\n" +
		"With --ask-id the command asks for your id (chi:…, nhs:…); with --id-file it reads it from a file. The id never " +
		"leaves this machine.\n\n" +
		"Example:\n  igverify entry opening.json --ask-id --log-key \"$(cat log.vkey)\" --from https://ledger.example.org",
	flags: []cli.Flag{
		&cli.StringFlag{Name: "id-file", Usage: "`FILE` with the id of the person the entry should be about (- for stdin)"},
		askIDFlag,
		idFlag,
		&cli.BoolFlag{Name: "skip-key", Usage: "do not read the log up to the entry to check its signature and key"},
	},
	check: checkEntry,
}

func checkEntry(s *session) error {
	id, err := s.personID()
	if err != nil {
		return err
	}
	data, err := s.readKind("opening", s.c.Args().First(), maxFile)
	if err != nil {
		return err
	}
	o, err := verifier.ParseOpening(data)
	if err != nil {
		return err
	}
	ev := verifier.EntryEvidence{Opening: o, Checkpoint: s.head, Log: s.log, ID: id}
	ev.Genesis, err = s.genesis()
	if err != nil {
		return err
	}
	tiles := s.src.Tiles(s.ctx)
	ev.Path, err = verifier.InclusionPath(tiles, o.Index, s.head.Size)
	if err != nil {
		return err
	}
	ev.LoggedHash, err = verifier.LeafHashFromTile(tiles, o.Index, s.head.Size)
	if err != nil {
		return err
	}
	ev.Leaf, err = s.src.Leaf(s.ctx, o.Index, s.head.Size)
	if err != nil {
		return err
	}
	e, rep := verifier.CheckEntry(ev)
	if rep.Err() == nil && !s.c.Bool("skip-key") { // if it is wrong already, reading the whole log adds nothing
		ev.Register, err = s.registerAt(o.Index)
		if err == nil {
			e, rep = verifier.CheckEntry(ev)
		}
	}
	s.report.Add(rep)
	if e != nil {
		s.report.Entry = accessRows(e, o, ev.Register)
	}
	if len(o.Flags) > 0 || o.Received != "" {
		s.report.Notes = append(s.report.Notes,
			"remarks and the time of receipt are the ledger's own word; nothing proves them")
	}
	return err
}

// personID returns the id that the user gave, or "" if they gave none. Errors never repeat it.
func (s *session) personID() (string, error) {
	id, file := s.c.String("id"), s.c.String("id-file")
	switch {
	case s.c.Bool("ask-id") && id+file != "", id != "" && file != "":
		return "", usage("give one of --ask-id, --id-file and --id")
	case s.c.Bool("ask-id"):
		if !command.Asks(s.c) {
			return "", usage("--ask-id needs a terminal; use --id-file")
		}
		return s.askID()
	case file != "":
		return s.idFrom(file)
	case id == "":
		return "", nil
	}
	return command.PersonID(s.c, "", id)
}

func (s *session) askID() (string, error) {
	id, err := command.AskHidden(s.c, "id of the person (chi:…, nhs:…)")
	if err != nil {
		return "", err
	}
	return command.PersonID(s.c, "", id)
}

// idFrom reads an id from a file, or stdin for "-". On a terminal it asks.
func (s *session) idFrom(file string) (string, error) {
	if file == "-" && command.Asks(s.c) {
		return s.askID()
	}
	data, err := s.readFile("id file", file, 1024)
	if err != nil {
		return "", err
	}
	return command.PersonID(s.c, "", string(data))
}
