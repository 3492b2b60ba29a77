//go:build !race

package export_test

// streamedRows is how many rows are streamed.
const streamedRows = 100_000
