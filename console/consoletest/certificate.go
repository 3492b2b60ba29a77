package consoletest

import (
	"context"

	"zgoda/control"
)

// Certified is the one request that has a certificate, and Certificate its file.
const (
	Certified   = "r_0123456789abcdefghjkmnpqr0"
	Certificate = `{"certificate":{"version":1},"key":"k","signature":"s"}` + "\n"
)

// Certificates has one.
type Certificates struct{}

// Certificate returns the file of the request that has one.
func (Certificates) Certificate(_ context.Context, id control.RequestID) ([]byte, bool, error) {
	return []byte(Certificate), id.String() == Certified, nil
}
