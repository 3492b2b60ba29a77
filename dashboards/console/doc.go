// Package console writes the overview as a page of Prometheus' own consoles, for
// who has Debian's Prometheus and nothing else: consoles/zgoda-overview.html and
// the library that it needs, console_libraries/zgoda.lib.
//
// Prometheus fills in numbers, bars and tables itself, so that they are there
// without a script too; a script of ours draws the lines and keeps the page fresh.
// Nothing is fetched from elsewhere, nor from Prometheus' older pages.
package console
