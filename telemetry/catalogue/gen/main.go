// Command gen writes docs/metrics.md.
package main

import (
	"fmt"
	"os"

	"zgoda/telemetry/catalogue"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], catalogue.Markdown(), 0o644); err != nil { //nolint:gosec // a page of the docs
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
