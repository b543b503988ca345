package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Interrupted is the exit code of a command that was interrupted while it waited for what somebody
// types, as shells have it.
const Interrupted = 130

// stdin is standard input of which a wait ends when the command is interrupted: Read of a
// terminal or pipe would otherwise go on, because the signal is caught.
type stdin struct {
	*os.File
	ctx context.Context
}

func (s *stdin) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, interrupted()
	}
	type result struct {
		n   int
		err error
	}
	own, done := make([]byte, len(p)), make(chan result, 1) // p is the caller's again when this returns
	go func() {
		n, err := s.File.Read(own)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, own[:r.n]), r.err
	case <-s.ctx.Done():
		return 0, interrupted()
	}
}

func interrupted() error { return Errorf(Interrupted, "interrupted") }

// Asks reports whether there is somebody at a terminal whom a command can ask.
func Asks(c *cli.Context) bool {
	_, ok := Terminal(c.App.Reader)
	return ok
}

// Ask asks whoever is at the terminal, and returns the line that they type. It ends with
// Interrupted on Ctrl-C, and with Refused on Ctrl-D and when the terminal is closed.
func Ask(c *cli.Context, question string) (string, error) {
	fmt.Fprintf(c.App.ErrWriter, "%s: ", question)
	text, err := bufio.NewReader(io.LimitReader(c.App.Reader, 4096)).ReadString('\n')
	text, err = answered(c.App.ErrWriter, text, err)
	return strings.TrimSpace(text), err
}

// AskHidden is Ask for what must not be seen, such as a person's number: what is typed is not
// shown, and the terminal shows what is typed again when it returns, however that is. It asks
// after it has made the terminal show nothing, so that not even what is typed at once is seen.
func AskHidden(c *cli.Context, question string) (string, error) {
	text, err := hidden(c.App.Reader, c.App.ErrWriter, question)
	return strings.TrimSpace(text), err
}

func hidden(in io.Reader, errOut io.Writer, question string) (string, error) {
	fd, ok := Terminal(in)
	if !ok {
		return "", errors.New("command: what is hidden is asked at a terminal")
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	defer term.Restore(fd, before) //nolint:errcheck // it is gone, or as it was
	fmt.Fprintf(errOut, "%s (not shown as you type): ", question)
	text, err := hiddenLine(in)
	term.Restore(fd, before) //nolint:errcheck // before anything else is said
	if err == nil {
		fmt.Fprintln(errOut)
	}
	return answered(errOut, text, err)
}

// What a raw terminal sends for keys.
const (
	ctrlC     = 3
	ctrlD     = 4
	backspace = 8
	ctrlU     = 21
	rubout    = 127
)

// hiddenLine reads a line from a terminal that leaves the keys to the program.
func hiddenLine(in io.Reader) (string, error) {
	var line []byte
	for key := make([]byte, 1); len(line) < 4096; {
		if n, err := in.Read(key); err != nil {
			return "", err
		} else if n == 0 {
			continue
		}
		switch k := key[0]; {
		case k == ctrlC:
			return "", interrupted()
		case k == ctrlD && len(line) == 0:
			return "", io.EOF
		case k == '\r' || k == '\n' || k == ctrlD:
			return string(line), nil
		case k == ctrlU:
			line = line[:0]
		case k == backspace || k == rubout:
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case k >= ' ':
			line = append(line, k)
		}
	}
	return string(line), nil
}

// answered returns an answer, or why there is none. The shell's next line does not follow the
// question.
func answered(errOut io.Writer, text string, err error) (string, error) {
	if err == nil || text != "" {
		return text, nil
	}
	fmt.Fprintln(errOut)
	if e := new(Error); errors.As(err, &e) {
		return "", err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrClosed) {
		return "", Errorf(Refused, "nothing was answered")
	}
	return "", fmt.Errorf("reading the answer: %w", err)
}
