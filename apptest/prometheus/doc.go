// Package prometheus runs Debian's Prometheus for tests: it scrapes processes
// under test, evaluates rules and answers queries.
//
// Every server has a folder and a port of its own and ends before the test that
// started it does.
package prometheus
