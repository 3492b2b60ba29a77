package export

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
)

// Options are what an export is checked against.
type Options struct {
	// Keys sign checkpoints. Without any, the checkpoints in the export are
	// compared with the chain and nobody looks at who signed them.
	Keys []note.Verifier
	// Anchors are checkpoints that were kept elsewhere. Each must be on the chain.
	Anchors []checkpoint.Checkpoint
}

// Report is what a good export holds.
type Report struct {
	Header
	Entries     int
	Erased      int // personal parts that were erased
	Checkpoints int
	Anchors     int
}

// ErrNotExport is returned for a text that does not begin as an export does.
var ErrNotExport = errors.New("not an export of the ledger")

// BadCheckpointError names the first checkpoint in an export that does not
// verify.
type BadCheckpointError struct {
	Place int // among the checkpoints of the export, from 1 on
	Why   string
}

// Error names the checkpoint and what is wrong with it.
func (e *BadCheckpointError) Error() string {
	return fmt.Sprintf("the checkpoint at place %d of the export %s", e.Place, e.Why)
}

// What else can be wrong.
const (
	whyPlace  = "does not stand behind the entry that it is over"
	whySigned = "is not the one in its signed checkpoint"
)

// Verify checks an export from its first line to its last. It returns a
// *ledger.BadEntryError that names the first bad entry, a *BadCheckpointError, or
// an error of reading. It keeps one head for each writer, and the anchors.
func Verify(r io.Reader, o Options) (Report, error) {
	v := verifying{in: newLineReader(r), options: o, anchors: make(map[ledger.Writer][]checkpoint.Checkpoint)}
	for _, a := range o.Anchors {
		v.anchors[a.Writer] = append(v.anchors[a.Writer], a)
	}
	for _, list := range v.anchors {
		slices.SortFunc(list, func(a, b checkpoint.Checkpoint) int { return cmp.Compare(a.Number, b.Number) })
	}
	if err := v.header(); err != nil {
		return v.report, err
	}
	for {
		line, err := v.in.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errCut):
			return v.report, v.ended()
		case errors.Is(err, errLine):
			return v.report, v.damaged(nil)
		case err != nil:
			return v.report, err
		}
		done, err := v.line(line)
		if err != nil || done {
			return v.report, err
		}
	}
}

// verifying is one check of one export.
type verifying struct {
	in      lineReader
	options Options
	anchors map[ledger.Writer][]checkpoint.Checkpoint // what is still to be met, by number
	walk    ledger.Walker
	entry   ledger.Stored
	report  Report
}

func (v *verifying) header() error {
	line, err := v.in.next()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errCut) && !errors.Is(err, errLine) {
		return err
	}
	if !bytes.HasPrefix(line, []byte(`{"ledger":{`)) {
		return ErrNotExport
	}
	if v.report.Header, err = parseHeader(line); err != nil {
		return fmt.Errorf("the first line: %w", err)
	}
	return nil
}

// line checks a line and says whether it is the last.
func (v *verifying) line(line []byte) (done bool, err error) {
	switch {
	case bytes.HasPrefix(line, []byte(`{"entry":{`)):
		return false, v.next(line)
	case bytes.HasPrefix(line, []byte(`{"checkpoint":{`)):
		return false, v.checkpoint(line)
	case bytes.HasPrefix(line, []byte(`{"end":{`)):
		return true, v.end(line)
	}
	return false, v.damaged(line)
}

// damaged names the entry whose line should stand here.
func (v *verifying) damaged(line []byte) error {
	b := &ledger.BadEntryError{Sequence: v.walk.Last() + 1, Why: ledger.WhyDamaged}
	// The name at the front of the line may still be whole.
	c := cursor{b: line}
	c.open(`{"entry":{`)
	writer := ledger.Writer(c.text("writer"))
	number := ledger.Number(c.number("number"))
	if !c.bad && number == v.walk.Head(writer).Number+1 {
		b.Writer, b.Number = writer, number
	}
	return b
}

func (v *verifying) next(line []byte) error {
	e := &v.entry
	if err := parseEntry(line, e); err != nil {
		return v.damaged(line)
	}
	if err := v.walk.Entry(e); err != nil {
		if b, ok := errors.AsType[*ledger.BadEntryError](err); ok && b.Why == ledger.WhyMissing {
			return v.missing(b)
		}
		return err
	}
	v.report.Entries++
	v.report.Erased += e.Erased()
	return v.anchored(e)
}

// anchored compares an entry with what was noted of it elsewhere.
func (v *verifying) anchored(e *ledger.Stored) error {
	list := v.anchors[e.Writer]
	for len(list) > 0 && list[0].Number == e.Number {
		if list[0].Hash != e.Hash || list[0].Sequence != e.Sequence {
			return &ledger.BadEntryError{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Why: ledger.WhyAnchor}
		}
		v.report.Anchors++
		list = list[1:]
		v.anchors[e.Writer] = list
	}
	return nil
}

// checkpoint checks a checkpoint, which stands behind the entry that it is over.
func (v *verifying) checkpoint(line []byte) error {
	v.report.Checkpoints++
	bad := func(why string) error { return &BadCheckpointError{Place: v.report.Checkpoints, Why: why} }
	msg, err := parseCheckpoint(line)
	if err != nil {
		return bad(ledger.WhyDamaged)
	}
	c, err := checkpoint.Read(msg)
	if err == nil && len(v.options.Keys) > 0 {
		c, err = checkpoint.Open(msg, v.options.Keys)
	}
	if errors.Is(err, checkpoint.ErrSignature) {
		return bad(err.Error())
	}
	if err != nil {
		return bad(ledger.WhyDamaged)
	}
	switch head := v.walk.Head(c.Writer); {
	case c.Head == head:
		return nil
	case c.Sequence > v.walk.Last():
		b := &ledger.BadEntryError{Sequence: v.walk.Last() + 1, Why: ledger.WhyMissing}
		if err := v.missing(b); b.Why == ledger.WhyMissing {
			return err
		}
		return bad(whyPlace)
	case c.Number != head.Number || len(v.options.Keys) == 0:
		return bad(whyPlace)
	}
	return &ledger.BadEntryError{Writer: c.Writer, Number: c.Number, Sequence: c.Sequence, Why: whySigned}
}

// end checks the last line, and that nothing is missing before it.
func (v *verifying) end(line []byte) error {
	e, err := parseEnd(line)
	if err != nil {
		return v.damaged(nil)
	}
	if v.walk.Last() < v.report.Through || uint64(v.report.Entries) < e.entries {
		return v.ended()
	}
	for _, h := range v.report.Heads {
		if got := v.walk.Head(h.Writer); got != h {
			return &ledger.BadEntryError{Writer: h.Writer, Number: got.Number, Sequence: got.Sequence, Why: ledger.WhyHead}
		}
	}
	if len(v.report.Heads) != v.walk.Writers() || v.walk.Last() != v.report.Through ||
		e.entries != uint64(v.report.Entries) || e.checkpoints != uint64(v.report.Checkpoints) {
		return errors.New("the export does not hold as many entries and checkpoints as it says")
	}
	if _, err := v.in.next(); !errors.Is(err, io.EOF) {
		return errors.New("the export goes on after its end")
	}
	return v.unmet()
}

// ended names the entry that should come next in an export that is too short.
func (v *verifying) ended() error {
	b := &ledger.BadEntryError{Sequence: v.walk.Last() + 1, Why: ledger.WhyMissing}
	v.byHeads(b, v.numbers())
	return b
}
