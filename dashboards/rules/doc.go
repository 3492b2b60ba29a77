// Package rules says what Prometheus watches of zgoda: objectives (SLOs), the
// recording rules that measure them over several windows, and the alerts. Write puts
// them into the files that Prometheus reads.
//
// Every alert names a page of docs/runbooks. Only one of them speaks of one trouble:
// an alert of a cause explains the objectives that it spoils, and the alerts of
// those stay silent meanwhile (docs/decisions/0075).
package rules
