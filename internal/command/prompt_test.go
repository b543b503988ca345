package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// session is a program that asks, on a terminal.
type session struct {
	t         *testing.T
	master    *os.File
	slave     *os.File
	shows     *bufio.Reader // what the terminal shows, also of what is typed
	interrupt context.CancelFunc
	ended     chan int
	said      chan string // what the questions were answered
}

// asking starts a program that asks its questions, of which those that begin with "secret" and
// "passphrase" are hidden.
func asking(t *testing.T, questions ...string) *session {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	s := &session{t: t, master: master, slave: slave, shows: bufio.NewReader(master), ended: make(chan int, 1), said: make(chan string, 9)}
	p := &Program{Name: "p", Commands: func() []*cli.Command {
		return []*cli.Command{{Name: "ask", Action: func(c *cli.Context) error {
			for _, q := range questions {
				ask := Ask
				switch {
				case strings.HasPrefix(q, "secret"):
					ask = AskHidden
				case strings.HasPrefix(q, "passphrase"):
					ask = func(c *cli.Context, q string) (string, error) {
						text, err := Keys(c).Ask(c.Context, q)
						return string(text), err
					}
				}
				text, err := ask(c, q)
				if err != nil {
					return err
				}
				s.said <- text
			}
			return nil
		}}}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	s.interrupt = cancel // as a signal does in main
	go func() { s.ended <- p.Run(ctx, []string{"ask"}, slave, io.Discard, slave) }()
	return s
}

// until reads what the terminal shows until it has shown a text.
func (s *session) until(text string) string {
	s.t.Helper()
	var b bytes.Buffer
	for !strings.Contains(b.String(), text) {
		c, err := s.shows.ReadByte()
		if err != nil {
			s.t.Fatalf("the terminal showed %q and not %q: %v", &b, text, err)
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (s *session) types(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.master, text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) ends(code int) {
	s.t.Helper()
	if got := <-s.ended; got != code {
		s.t.Errorf("exit code %d, want %d", got, code)
	}
	if !s.echoes() {
		s.t.Error("the terminal does not show any more what is typed")
	}
}

func (s *session) echoes() bool {
	s.t.Helper()
	state, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

const aNumber = "chi:0101011237"

func TestNumbersAreNotShown(t *testing.T) {
	s := asking(t, "secret", "passphrase", "name")
	s.until("(not shown as you type): ")
	if s.echoes() {
		t.Fatal("the terminal shows what is typed")
	}
	s.types("chi:99\x15chi:01010112378\x7f\n")
	s.until("passphrase (not shown as you type): ")
	s.types(" blanks count \n")
	if got := s.until("name: "); strings.Contains(got, "0101") || strings.Contains(got, "blanks") {
		t.Errorf("shown: %q", got)
	}
	s.types("Ailsa\n")
	s.ends(Good)
	if id, phrase, name := <-s.said, <-s.said, <-s.said; id != aNumber || phrase != " blanks count " || name != "Ailsa" {
		t.Errorf("understood %q, %q, %q", id, phrase, name)
	}
}

// A question ends when it is interrupted, when its input ends, and when the terminal goes.
func TestQuestionsEnd(t *testing.T) {
	for _, question := range []string{"secret", "passphrase", "name"} {
		t.Run(question, func(t *testing.T) {
			s := asking(t, question)
			s.until(": ")
			s.interrupt()
			s.ends(Interrupted)
			if got := s.until("p: interrupted"); !strings.HasPrefix(got, "\r\n") {
				t.Errorf("after the question: %q", got)
			}

			s = asking(t, question)
			s.until(": ")
			if question != "name" { // or it is a signal
				s.types("\x03") // Ctrl-C
				s.ends(Interrupted)
				s = asking(t, question)
				s.until(": ")
			}
			s.types("\x04") // Ctrl-D
			s.ends(Refused)
			s.until("p: nothing was answered")

			s = asking(t, question)
			s.until(": ")
			s.master.Close()
			if code := <-s.ended; code != Refused {
				t.Errorf("the terminal is closed: exit code %d", code)
			}
		})
	}
}

// A wait for a pipe ends too when the command is interrupted.
func TestPipesAreInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	reading := make(chan error, 1)
	var code int
	p := &Program{Name: "p", Commands: func() []*cli.Command {
		return []*cli.Command{{Name: "read", Action: func(c *cli.Context) error {
			if Asks(c) {
				return errors.New("a pipe is no terminal")
			}
			first := make([]byte, 2)
			if _, err := io.ReadFull(c.App.Reader, first); err != nil || string(first) != "ab" {
				return fmt.Errorf("read %q: %w", first, err)
			}
			interrupt()
			_, err := io.ReadAll(c.App.Reader)
			reading <- err
			return fmt.Errorf("reading: %w", err)
		}}}
	}}
	fmt.Fprint(w, "ab")
	var errOut bytes.Buffer
	code = p.Run(ctx, []string{"read"}, r, io.Discard, &errOut)
	if code != Interrupted || <-reading == nil {
		t.Errorf("exit code %d: %s", code, &errOut)
	}
}
