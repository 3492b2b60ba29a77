package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

const redacted = "[redacted]"

// Ref names a contact in calls of the role rights. It leads to nothing outside
// the keyholder. It prints as [redacted].
type Ref [16]byte

// Format writes "[redacted]" under every verb.
func (Ref) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Ref) LogValue() slog.Value { return slog.StringValue(redacted) }

// Datum is one thing that is kept of a contact. It prints as [redacted].
type Datum struct {
	ID     int64                // 0: a new one
	Kind   event.IdentifierKind // 0: a trait
	Name   string               // of a trait
	Value  string
	Source string // where it is from
	Basis  string
	Seen   time.Time
}

// Format writes "[redacted]" under every verb.
func (Datum) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Datum) LogValue() slog.Value { return slog.StringValue(redacted) }

// Attached is a document that is kept with a contact. It prints as [redacted].
type Attached struct {
	ID            [16]byte
	Name, Type    string // its name, its media type
	Bytes         int64
	Source, Basis string
	Seen          time.Time
	Complete      bool
}

// Format writes "[redacted]" under every verb.
func (Attached) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (Attached) LogValue() slog.Value { return slog.StringValue(redacted) }

// Revealed is what is kept of a contact. It prints as [redacted].
type Revealed struct {
	Data        []Datum
	Attachments []Attached
	Revision    uint64 // for Put and Remove, so that nobody's change is overwritten
}

// Pseudonym is one of a contact's.
type Pseudonym struct {
	Handle  event.Handle
	Purpose string // consent, profiling, analytics
	Period  event.Period
	Version event.KeyVersion
	Visitor bool // of a visitor that is linked
}

// Listed is a contact with all its pseudonyms.
type Listed struct {
	Handle     event.Handle // the one that was asked for
	Ref        Ref
	Pseudonyms []Pseudonym
}

// Put adds data to a contact and corrects those that have an ID. revision is of
// Reveal; 0: whatever there is.
func (r *Rights) Put(ctx context.Context, ref Ref, site event.SiteID, data []Datum, revision uint64) (ids []int64, now uint64, err error) {
	request := &keyholderpb.PutRequest{Ref: ref[:], Site: string(site), Revision: revision}
	for _, d := range data {
		request.Data = append(request.Data, &keyholderpb.Datum{
			Id: d.ID, Kind: uint32(d.Kind), Name: d.Name, Value: d.Value, Source: d.Source, Basis: d.Basis, Seen: milliOf(d.Seen),
		})
	}
	err = r.call(ctx, "put", func(ctx context.Context) error {
		request.Call = r.callOf(ctx)
		answer, err := r.rights.Put(ctx, request)
		ids, now = answer.GetId(), answer.GetRevision()
		return err
	})
	return ids, now, err
}

// Remove takes data and documents of a contact away.
func (r *Rights) Remove(ctx context.Context, ref Ref, ids []int64, attachments [][16]byte, revision uint64) (now uint64, err error) {
	request := &keyholderpb.RemoveRequest{Ref: ref[:], Id: ids, Revision: revision}
	for _, id := range attachments {
		request.Attachment = append(request.Attachment, id[:])
	}
	err = r.call(ctx, "remove", func(ctx context.Context) error {
		request.Call = r.callOf(ctx)
		answer, err := r.rights.Remove(ctx, request)
		now = answer.GetRevision()
		return err
	})
	return now, err
}

// Merge makes keep of two contacts that are one person, and returns the
// pseudonyms of both. A preview only tells them: what is on record about drop
// must be written for keep before they are one.
func (r *Rights) Merge(ctx context.Context, keep, drop Ref, preview bool) (kept, dropped []Pseudonym, err error) {
	err = r.call(ctx, "merge", func(ctx context.Context) error {
		answer, err := r.rights.Merge(ctx, &keyholderpb.MergeRequest{Call: r.callOf(ctx), Keep: keep[:], Drop: drop[:], Preview: preview})
		if err != nil {
			return err
		}
		if kept, err = readPseudonyms(answer.GetKept()); err == nil {
			dropped, err = readPseudonyms(answer.GetDropped())
		}
		return err
	})
	return kept, dropped, err
}

// Forget destroys everything that is kept of a contact, and returns the
// pseudonyms that it had.
func (r *Rights) Forget(ctx context.Context, ref Ref) (forgotten []Pseudonym, err error) {
	err = r.call(ctx, "forget", func(ctx context.Context) error {
		answer, err := r.rights.Forget(ctx, &keyholderpb.ForgetRequest{Call: r.callOf(ctx), Ref: ref[:]})
		if err != nil {
			return err
		}
		forgotten, err = readPseudonyms(answer.GetForgotten())
		return err
	})
	return forgotten, err
}

// pieceSize is what one message of an attachment carries.
const pieceSize = 64 << 10

// Attach keeps a document with a contact.
func (r *Rights) Attach(ctx context.Context, ref Ref, a Attached, from io.Reader) (id [16]byte, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = r.counted(ctx, "attach", func() error {
		to, err := r.rights.Attach(ctx)
		if err != nil {
			return err
		}
		first := &keyholderpb.AttachPiece{Head: &keyholderpb.AttachHead{Call: r.callOf(ctx), Ref: ref[:], Attached: &keyholderpb.Attached{
			Name: a.Name, Type: a.Type, Bytes: a.Bytes, Source: a.Source, Basis: a.Basis, Seen: milliOf(a.Seen),
		}}}
		if err := sendPieces(to.Send, first, from); err != nil && !errors.Is(err, io.EOF) { // EOF: the answer says why
			return err
		}
		answer, err := to.CloseAndRecv()
		if err != nil {
			return err
		}
		if len(answer.GetId()) != len(id) {
			return ErrAnswer
		}
		id = [16]byte(answer.GetId())
		return nil
	})
	return id, err
}

func sendPieces(send func(*keyholderpb.AttachPiece) error, first *keyholderpb.AttachPiece, from io.Reader) error {
	if err := send(first); err != nil {
		return err
	}
	for {
		part := make([]byte, pieceSize)
		n, err := io.ReadFull(from, part)
		if n > 0 {
			if err := send(&keyholderpb.AttachPiece{Part: part[:n]}); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the attachment: %w", err)
		}
	}
}

// Attachment writes a document of a contact. It counts as a reveal; above the
// limit it is refused, since it has no answer to wait for: reveal first.
func (r *Rights) Attachment(ctx context.Context, ref Ref, id [16]byte, approval []byte, to io.Writer) (a Attached, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = r.counted(ctx, "attachment", func() error {
		pieces, err := r.rights.Attachment(ctx, &keyholderpb.AttachmentRequest{Call: r.callOf(ctx), Ref: ref[:], Id: id[:], Approval: approval})
		if err != nil {
			return err
		}
		for {
			piece, err := pieces.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if head := piece.GetHead().GetAttached(); head != nil {
				a = readAttached(head)
			}
			if _, err := to.Write(piece.GetPart()); err != nil {
				return fmt.Errorf("write the attachment: %w", err)
			}
		}
	})
	return a, err
}
