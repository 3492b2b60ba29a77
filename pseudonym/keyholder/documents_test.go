package keyholder

import (
	"bytes"
	"errors"
	"testing"

	"zgoda/pseudonym"
	"zgoda/pseudonym/person"
)

// TestAttachmentLimit: the operator says how large a document may be.
func TestAttachmentLimit(t *testing.T) {
	const most = 20 << 20 // more than without a setting
	dir, socket := folders(t)
	k := start(t, dir, socket, func(c *Config) { c.Documents = person.Limits{Document: most, Documents: most} })
	_, ref := attend(t, k).made(t, "u1")
	ctx := acting(t)
	about := pseudonym.Attached{Name: "order.pdf", Type: "application/pdf", Source: "order form"}
	for size, fits := range map[int64]bool{most + 1: false, most: true} {
		about.Bytes = size
		_, err := k.rights.Attach(ctx, ref, about, bytes.NewReader(make([]byte, size)))
		if refused := errors.Is(err, pseudonym.ErrRefused); refused == fits || fits && err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket = dir, socket
	for _, bad := range []person.Limits{{}, {Document: 2, Documents: 1}} {
		cfg.Documents = bad
		if cfg.Validate() == nil {
			t.Errorf("%+v passed", bad)
		}
	}
}
