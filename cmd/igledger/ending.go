package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	// drainTime is how long a server goes on by default after SIGTERM: two questions of a balancer
	// that asks every 2 s, and some.
	drainTime = 5 * time.Second
	// stopTime bounds the wait for requests under way, and for what is queued, at the end.
	stopTime = 30 * time.Second
)

// signalled is why a context ended: a signal came.
type signalled struct {
	by    os.Signal
	again <-chan os.Signal // what comes after it
}

func (s *signalled) Error() string { return s.by.String() }

// untilSignal returns a context that ends, with a *signalled as its cause, at the first signal that
// asks the process to end.
func untilSignal() context.Context {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { end(&signalled{<-signals, signals}) }()
	return ctx
}

func drainFlag() cli.Flag {
	return &cli.DurationFlag{Name: "drain", Value: drainTime, EnvVars: []string{"IGLEDGER_DRAIN"},
		Usage: "time after SIGTERM in which requests are still served, while /readyz says shutting-down so that a load balancer sends " +
			"them elsewhere; Ctrl-C, and a second signal, do not wait for it"}
}

// drainOf returns what --drain says.
func drainOf(c *cli.Context) (time.Duration, error) {
	d := c.Duration("drain")
	if d < 0 || d > time.Hour {
		return 0, usage("--drain must be from 0s to 1h")
	}
	return d, nil
}

// drain goes on serving for a while after SIGTERM, and says at /readyz that it will not for long.
// It ends early at the next signal, after which another one kills the process.
func (s *server) drain(ended error, long time.Duration, logger *slog.Logger) error {
	s.ending.Store(true)
	var told *signalled
	if !errors.As(ended, &told) || told.by != syscall.SIGTERM {
		long = 0
	}
	logger.Info("draining", "for", long)
	defer signal.Reset(os.Interrupt, syscall.SIGTERM)
	if long == 0 {
		return nil
	}
	wait := time.NewTimer(long)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-told.again:
		return nil
	case err := <-s.failed:
		return err
	}
}
