package console

import (
	"strings"

	"zgoda/collector/minimise"
)

const maxReason = 2000 // bytes: 500 letters of any script

// masked returns an operator's own words with what looks personal in them
// masked: a reason is kept in the ledger for years, and should not hold the
// address of the person it is about.
func masked(words string) string {
	var b minimise.Buffer
	return strings.Clone(b.Text([]byte(words), maxReason))
}
