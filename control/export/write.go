package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/event"
)

// Source is a ledger that is read. Entries that were there at one call are there
// at every later one; personal parts may be erased in between.
type Source interface {
	// Heads returns the heads of all writers, as of one moment.
	Heads(ctx context.Context) ([]ledger.Head, error)
	// Entries hands over the entries after a sequence, in order.
	Entries(ctx context.Context, after event.Sequence) iter.Seq2[ledger.Stored, error]
	// Checkpoints returns the signed checkpoints over entries after a sequence, in
	// the order of their sequences: at most limit of them, and fewer only at the end.
	Checkpoints(ctx context.Context, after event.Sequence, limit int) ([][]byte, error)
}

// step is how many checkpoints are asked for at a time.
const step = 512

// Write writes the whole ledger, as it is when Write begins.
func Write(ctx context.Context, w io.Writer, from Source, now time.Time) error {
	heads, err := from.Heads(ctx)
	if err != nil {
		return fmt.Errorf("export the ledger: %w", err)
	}
	slices.SortFunc(heads, func(a, b ledger.Head) int { return strings.Compare(string(a.Writer), string(b.Writer)) })
	h := Header{Made: now.UTC().Truncate(time.Microsecond), Heads: heads}
	for _, head := range heads {
		h.Through = max(h.Through, head.Sequence)
	}
	out := writing{from: from, through: h.Through, w: bufio.NewWriterSize(w, 64<<10)}
	if err := out.all(ctx, &h); err != nil {
		return fmt.Errorf("export the ledger: %w", err)
	}
	return nil
}

// writing is one export.
type writing struct {
	from    Source
	through event.Sequence
	w       *bufio.Writer
	line    []byte
	count   end
	notes   [][]byte       // checkpoints that were fetched and not written yet
	fetched event.Sequence // what the last of them is over
	last    bool           // no checkpoint is left to fetch
}

// all writes the lines. Without the last one an export is not whole.
func (w *writing) all(ctx context.Context, h *Header) (err error) {
	if w.line, err = appendHeader(w.line[:0], h); err != nil {
		return err
	}
	if _, err = w.w.Write(w.line); err != nil {
		return err
	}
	if err = w.entries(ctx); err != nil {
		return err
	}
	w.line = appendEnd(w.line[:0], w.count)
	if _, err = w.w.Write(w.line); err != nil {
		return err
	}
	return w.w.Flush()
}

// errShort is returned when the source has fewer entries than its heads say.
var errShort = errors.New("the ledger ends before its heads")

func (w *writing) entries(ctx context.Context) error {
	if w.through == 0 {
		return nil
	}
	for e, err := range w.from.Entries(ctx, 0) {
		if err != nil {
			return err
		}
		if err := w.entry(ctx, &e); err != nil {
			return err
		}
		if e.Sequence >= w.through {
			return nil
		}
	}
	return errShort
}

// entry writes an entry, and the checkpoints over it.
func (w *writing) entry(ctx context.Context, e *ledger.Stored) (err error) {
	if w.line, err = appendEntry(w.line[:0], e); err != nil {
		return err
	}
	if _, err = w.w.Write(w.line); err != nil {
		return err
	}
	w.count.entries++
	for {
		msg, over, err := w.next(ctx)
		if err != nil || msg == nil || over > e.Sequence {
			return err
		}
		if w.line, err = appendCheckpoint(w.line[:0], msg); err != nil {
			return err
		}
		if _, err = w.w.Write(w.line); err != nil {
			return err
		}
		w.count.checkpoints++
		w.notes = w.notes[1:]
	}
}

// next returns the next checkpoint and the sequence of the entry that it is
// over, nil after the last.
func (w *writing) next(ctx context.Context) ([]byte, event.Sequence, error) {
	if len(w.notes) == 0 && !w.last {
		notes, err := w.from.Checkpoints(ctx, w.fetched, step)
		if err != nil {
			return nil, 0, err
		}
		w.notes, w.last = notes, len(notes) < step
	}
	if len(w.notes) == 0 {
		return nil, 0, nil
	}
	c, err := checkpoint.Read(w.notes[0])
	w.fetched = c.Sequence
	return w.notes[0], c.Sequence, err
}
