// Command zgoda-keyholder holds every key, and turns blinded identifiers into pseudonyms
// for gateways on the same machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"zgoda/pseudonym/harden"
	"zgoda/pseudonym/keyholder"
	"zgoda/pseudonym/prompt"
)

// Exit codes.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

// grammar is the command line. Serving is what is done when nothing else is said.
type grammar struct {
	Serve flags `cmd:"" default:"withargs" help:"Serve gateways, the console and who looks after the keys."`

	Restore restoreFlags `cmd:"" help:"Make the folder of a keyholder out of a backup, or try one."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var g grammar
	helped := false
	parser, err := kong.New(&g, kong.Name("zgoda-keyholder"),
		kong.Description("Holds every key, and turns blinded identifiers into pseudonyms."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }))
	var chosen *kong.Context
	if err == nil {
		chosen, err = parser.Parse(args)
	}
	switch {
	case helped:
		return exitDone
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "zgoda-keyholder:", err)
		return exitUsage
	}
	if chosen.Command() == "restore" {
		err = restore(g.Restore, stdout, stderr)
	} else {
		err = serve(g.Serve, stdin, stdout, stderr)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "zgoda-keyholder:", err)
		return exitFailed
	}
	return exitDone
}

func serve(f flags, stdin io.Reader, stdout, stderr io.Writer) error {
	if err := prompt.Turns(); err != nil {
		_, _ = fmt.Fprintln(stderr, "zgoda-keyholder: callers may wait longer while the processors are short:", err)
	}
	internet := f.Listen != "" || f.Metrics != "" || f.Vault != ""
	if err := hardened(stderr, harden.Allowed{Internet: internet}); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.ParentStdin {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // its end is the message, however it comes
			stop()
		}()
	}
	data, err := filepath.Abs(f.Data)
	if err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}
	cfg, err := f.config(data)
	if err != nil {
		return err
	}
	server, err := keyholder.New(cfg, keyholder.Deps{Logger: slog.New(slog.NewTextHandler(stderr, nil))})
	if err != nil {
		return err
	}
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		select {
		case <-server.Serving():
			if _, err := fmt.Fprintln(stdout, readyLine(f.Socket, server)); err != nil {
				stop() // whoever started us is gone
			}
		case <-ctx.Done():
		}
	}()
	err = server.Run(ctx)
	stop()
	<-announced
	return err
}

// readyLine says where calls are answered.
func readyLine(socket string, server *keyholder.Server) string {
	line := "ready socket=" + socket
	if at := server.Address(); at != nil {
		line += " listen=" + at.String()
	}
	if at := server.MetricsAddress(); at != nil {
		line += " metrics=http://" + at.String() + "/metrics"
	}
	return line
}

// hardened gives up what is not needed, and keeps keys out of core dumps, swap and
// other processes' reach.
func hardened(stderr io.Writer, allowed harden.Allowed) error {
	if err := errors.Join(harden.Environment(), harden.Process(), harden.Seal(allowed)); err != nil {
		return err
	}
	locked, err := harden.LockMemory()
	if err == nil && !locked {
		_, _ = fmt.Fprintln(stderr, "zgoda-keyholder: memory is not locked: raise the limit of locked memory (LimitMEMLOCK=infinity), or encrypt swap")
	}
	return err
}
