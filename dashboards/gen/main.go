// Command gen writes the dashboards in the forms that servers read, into the
// folder that it is started in: go generate ./dashboards.
package main

import (
	"flag"
	"log/slog"
	"os"

	"zgoda/dashboards"
	"zgoda/dashboards/console"
	"zgoda/dashboards/grafana"
	"zgoda/dashboards/rules"
)

var runbooks = flag.String("runbooks", "", "what comes in front of a runbook's path in alerts: an address that ends in a slash")

func main() {
	flag.Parse()
	if err := run(); err != nil {
		slog.Error("the dashboards were not written", "err", err)
		os.Exit(1)
	}
}

func run() error {
	for _, d := range dashboards.All() {
		if err := d.Validate(); err != nil {
			return err
		}
	}
	if err := rules.Write("prometheus", *runbooks); err != nil {
		return err
	}
	if err := console.Write("."); err != nil {
		return err
	}
	return grafana.Write("json")
}
