// Package dashboards holds what an operator watches, as Go values: five
// dashboards of panels, each with what it asks Prometheus, what its numbers
// mean, their unit and from where on they are too much.
//
// The values are written out in the forms that servers read: dashboards/grafana
// makes Grafana's JSON of all of them and dashboards/console a page of
// Prometheus' own of the overview. The outputs are committed, and a test
// compares them with what the values say.
//
// Queries name classic histograms only, since Debian's Prometheus drops these
// when it is told to keep native ones. Every name, label and value in a query is
// checked against telemetry/catalogue.
package dashboards

//go:generate go run ./gen
