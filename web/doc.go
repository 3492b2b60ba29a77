// Package web holds what browsers are given: the snippet and the demo shop.
//
// The sources are in src and pages. The files in dist are built from src by
// `go run ./web/build`, with esbuild as a library, and committed, so that
// building the binaries needs nothing but Go.
package web

//go:generate sh -c "cd .. && go run ./web/build"
