// Command gen writes docs/metrics.md, the path of which it is given.
package main

import (
	"errors"
	"log/slog"
	"os"

	"zgoda/telemetry/catalogue"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		slog.Error("the page of metrics was not written", "err", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("one path is needed")
	}
	return os.WriteFile(args[0], catalogue.Markdown(), 0o644) //nolint:gosec // a page of the docs is for everybody
}
