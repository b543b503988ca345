package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/urfave/cli/v2"

	"igledger/internal/client"
	"igledger/internal/command"
	"igledger/ledger/wire"
)

// healthTime is how long a server may take to say how it is: it may write to a slow database first.
const healthTime = 9 * time.Second

func healthCommand() *cli.Command {
	return &cli.Command{
		Name:  "health",
		Usage: "ask a server whether it is ready: whether an append would succeed now",
		Description: "Exit code 0: it is. 1: it is not, and the reason is said. 3: it does not answer. With --live only whether\n" +
			"the process answers, which is what restarts it; with --append only whether entries are taken.\n\n" +
			"Example: igledger health --url http://127.0.0.1:8080",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", Value: "http://127.0.0.1:8080", EnvVars: []string{"IGLEDGER_URL"}, Usage: "the ledger's address"},
			&cli.BoolFlag{Name: "live", Usage: "ask only whether the process answers"},
			&cli.BoolFlag{Name: "append", Usage: "ask only whether entries are taken"},
			&cli.BoolFlag{Name: "json", Usage: "print as JSON"},
		},
		Action: func(c *cli.Context) error {
			path, is := "/readyz", "ready"
			switch {
			case c.Bool("live") && c.Bool("append"):
				return usage("give one of --live and --append")
			case c.Bool("live"):
				path, is = "/healthz", "alive"
			case c.Bool("append"):
				path, is = "/readyz?append", "entries are taken"
			}
			if _, err := wire.ServerURL(c.String("url")); err != nil {
				return usage("--url must be a URL such as http://127.0.0.1:8080")
			}
			p, err := askHealth(c, strings.TrimSuffix(c.String("url"), "/")+path)
			switch {
			case err != nil:
				return command.Errorf(command.Unreachable, "asking the server: %v", err)
			case p != nil:
				return refused("%s", strings.TrimSuffix(p.Code()+": "+p.Title+". "+p.Detail, ". "))
			}
			return output(c, map[string]string{"state": is}, "%s\n", is)
		},
	}
}

// askHealth returns the problem that a server answers, nil if it answers 200.
func askHealth(c *cli.Context, address string) (*client.Problem, error) {
	r, err := http.NewRequestWithContext(c.Context, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := (&http.Client{Timeout: healthTime}).Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil || answer.StatusCode == http.StatusOK {
		return nil, err
	}
	p := new(client.Problem)
	if json.Unmarshal(body, p) != nil || p.Code() == "" {
		return nil, fmt.Errorf("it answers with status %d, which is not an igledger's", answer.StatusCode)
	}
	return p, nil
}
