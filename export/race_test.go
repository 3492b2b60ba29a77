//go:build race

package export_test

// streamedRows is fewer under the race detector, which is slow at compressing.
const streamedRows = 10_000
