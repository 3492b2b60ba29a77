package gather

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/control"
	"zgoda/engine/enginetest"
	"zgoda/event"
	"zgoda/export"
	"zgoda/record"
)

// BenchmarkExport is one contact's export of 10,000 rows, among as many of each of 20
// others, from the embedded engine.
func BenchmarkExport(b *testing.B) {
	access := enginetest.Start(b)
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = access.Address, access.Admin.User, access.Admin.Password.Reveal()
	s, err := activity.Open(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	const rows = 10_000
	for person := range 21 {
		subject := handle(1)
		if person > 0 {
			subject = handle(byte(100 + person))
		}
		encoded := make([][]byte, rows)
		for i := range encoded {
			now := time.Now().UTC().Truncate(time.Millisecond)
			r := record.Record{
				Site: "shop", Type: event.TypeTrack, Scope: event.ScopePerson, MessageID: fmt.Sprintf("m-%d-%d", person, i), Time: now.Add(-time.Duration(i) * time.Minute),
				ReceivedAt: now, ExpiresAt: now.AddDate(1, 0, 0).Truncate(time.Second), Subject: subject, Name: "Order completed", PageHost: "shop.example",
				PagePath: fmt.Sprintf("/orders/%d", i), Browser: "Firefox", OS: "Linux", Device: "desktop", Country: "SK", Purposes: event.PurposeSet(0).With(1),
				Properties: fmt.Sprintf(`{"sku":"LAMP-%d","price":%d.5,"note":"%s"}`, i, i, hex.EncodeToString(random(24))), DecidedBy: "consent",
			}
			encoded[i] = record.Append(nil, &r)
		}
		if err := s.Insert(b.Context(), fmt.Sprintf("token-%d", person), encoded); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range []export.Format{export.JSON, export.CSV, export.XLSX} {
		b.Run(fmt.Sprintf("%s/rows=%d", f, rows), func(b *testing.B) {
			for b.Loop() {
				w := &world{}
				d := desk(b, w, nil, nil)
				d.Rows = s
				r := control.Request{ID: control.RequestID{1}, Site: "shop", Right: control.RightAccess, State: control.RequestRunning, Handle: handle(1), Received: at}
				p, err := d.Prepare(b.Context(), r, nil)
				if err != nil {
					b.Fatal(err)
				}
				if err := d.Hand(b.Context(), r, p, f, "ana", io.Discard); err != nil {
					b.Fatal(err)
				}
				if n := w.exported[len(w.exported)-1].Items; n < rows || n > rows+100 {
					b.Fatal(n)
				}
			}
		})
	}
}

func random(n int) []byte {
	r := make([]byte, n)
	_, _ = rand.Read(r) // never fails
	return r
}
