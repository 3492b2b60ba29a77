package pseudonym

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

// Said is what one event said of its contact, sealed to the keyholder. It prints as
// [redacted].
type Said struct {
	Blob    []byte
	Contact event.Handle // the consent pseudonym of whom it was decided about
	Basis   string       // ids of the purposes that it is kept for, separated by commas
}

// Format writes "[redacted]" under every verb.
func (Said) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Said) LogValue() slog.Value { return slog.StringValue(redacted) }

// keepWithin is the deadline of one batch of Keep, which is written to disk.
const keepWithin = 10 * time.Second

// Keep has the keyholder keep what was said, or know that it did so before; nothing is
// told of whether a contact is there. unreadable are those blobs that are damaged or
// whose key is gone. After an error some may be kept: try all again.
func (c *Client) Keep(ctx context.Context, said []Said) (unreadable []bool, err error) {
	for len(said) > 0 {
		batch := keepBatch(said)
		said = said[len(batch):]
		request := &keyholderpb.KeepRequest{}
		for i := range batch {
			request.Said = append(request.Said, &keyholderpb.Said{Blob: batch[i].Blob, Contact: batch[i].Contact[:], Basis: batch[i].Basis})
		}
		bounded, cancel := context.WithTimeout(ctx, keepWithin)
		err := c.counted(ctx, "keep", func() error {
			answer, err := c.keys.Keep(bounded, request)
			if err == nil && len(answer.GetUnreadable()) != len(batch) {
				err = ErrAnswer
			}
			for _, b := range answer.GetUnreadable() {
				unreadable = append(unreadable, b == 1)
			}
			return err
		})
		cancel()
		if err != nil {
			return nil, err
		}
	}
	return unreadable, nil
}

// keepBatch returns what goes out in one call.
func keepBatch(said []Said) []Said {
	bytes := 0
	for i := range said[:min(len(said), keyholderpb.MaxKeep)] {
		if bytes += len(said[i].Blob) + len(said[i].Basis) + 64; bytes > keyholderpb.MaxKeepBytes && i > 0 {
			return said[:i]
		}
	}
	return said[:min(len(said), keyholderpb.MaxKeep)]
}
