package activity

import "fmt"

// Format is how Query writes an answer.
type Format uint8

// The formats.
const (
	TSV Format = iota
	JSON
	CSV
	Pretty
)

var formatNames = [...]string{"TSV", "JSON", "CSV", "Pretty"}

// String returns the name that ParseFormat reads.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return formatNames[TSV]
}

// ParseFormat reads TSV, JSON, CSV or Pretty.
func ParseFormat(name string) (Format, error) {
	for i, n := range formatNames {
		if n == name {
			return Format(i), nil
		}
	}
	return TSV, fmt.Errorf("format must be one of TSV, JSON, CSV, Pretty")
}
