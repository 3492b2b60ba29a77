// Command gen writes the dashboards in the forms that servers read, into the
// folder that it is started in: go generate ./dashboards.
package main

import (
	"log/slog"
	"os"

	"zgoda/dashboards"
	"zgoda/dashboards/grafana"
)

func main() {
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
	return grafana.Write("json")
}
