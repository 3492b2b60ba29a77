package pseudonym

import (
	"context"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/sealed"
)

// Opened is what one blob held.
type Opened struct {
	sealed.Identifiers

	// Readable is false for a blob that is damaged, or whose keys are gone: nothing
	// can be said of its people any more.
	Readable bool
}

// Open returns what was sealed while the keyholder was away, for each blob, in
// order. It answers for all blobs or for none.
func (c *Client) Open(ctx context.Context, blobs [][]byte) ([]Opened, error) {
	out := make([]Opened, 0, len(blobs))
	for len(blobs) > 0 {
		batch := blobs[:min(len(blobs), keyholderpb.MaxOpen)]
		blobs = blobs[len(batch):]
		err := c.call(ctx, "open", func(ctx context.Context) error {
			answer, err := c.keys.Open(ctx, &keyholderpb.OpenRequest{Blob: batch})
			if err != nil {
				return err
			}
			out, err = appendOpened(out, answer, len(batch))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func appendOpened(out []Opened, answer *keyholderpb.OpenAnswer, n int) ([]Opened, error) {
	if len(answer.GetOpened()) != n {
		return out, ErrAnswer
	}
	for _, o := range answer.GetOpened() {
		rows, err := o.Rows()
		if err != nil {
			return out, err
		}
		one := Opened{Readable: o.GetReadable(), Identifiers: sealed.Identifiers{Gate: o.GetGate()}}
		for i := range rows {
			var id sealed.Identifier
			id.H1, id.Old, id.Kind, id.Mint = o.Row(i)
			if id.H1.IsZero() || id.Kind < event.KindVisitor || id.Kind > event.KindCustomerID {
				return out, ErrAnswer
			}
			one.List = append(one.List, id)
		}
		out = append(out, one)
	}
	return out, nil
}
