// Package openmetrics reads what a process tells in the form of OpenMetrics 1.0, as
// strictly as its text says, for tests: what a lenient reader lets pass another one
// refuses, and with it the whole scrape.
package openmetrics
