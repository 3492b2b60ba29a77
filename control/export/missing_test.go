package export

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/event"
)

func TestDropEach(t *testing.T) {
	b := twelve(t)
	lines := linesOf(b.text(t))
	for i, line := range lines {
		if !bytes.HasPrefix(line, []byte(`{"entry":`)) {
			continue
		}
		var e ledger.Stored
		if err := parseEntry(bytes.TrimSuffix(line, []byte("\n")), &e); err != nil {
			t.Fatal(err)
		}
		for _, keep := range []bool{true, false} { // with and without the checkpoints
			left := slices.Delete(slices.Clone(lines), i, i+1)
			if !keep {
				left = slices.DeleteFunc(left, func(l []byte) bool { return bytes.HasPrefix(l, []byte(`{"checkpoint":`)) })
			}
			_, err := Verify(bytes.NewReader(bytes.Join(left, nil)), Options{Keys: b.keys})
			want{e.Writer, e.Number, e.Sequence, ledger.WhyMissing}.check(t, "drop one", err)
		}
	}
}

// TestDropSeveral: when several are missing in one place, the first is named by
// its sequence, and by its writer if that is sure.
func TestDropSeveral(t *testing.T) {
	for _, c := range []struct {
		drop []event.Sequence
		want want
	}{
		{[]event.Sequence{4, 5, 6}, want{"node-1", 2, 4, ledger.WhyMissing}},
		{[]event.Sequence{2, 3}, want{"node-2", 1, 2, ledger.WhyMissing}},
		{[]event.Sequence{3, 4}, want{"", 0, 3, ledger.WhyMissing}},
		{[]event.Sequence{3, 8}, want{"node-2", 2, 3, ledger.WhyMissing}},
		{[]event.Sequence{5, 7}, want{"node-1", 3, 5, ledger.WhyMissing}},
	} {
		b := twelve(t)
		b.notes = nil
		kept := slices.DeleteFunc(linesOf(b.text(t)), func(l []byte) bool {
			var e ledger.Stored
			return parseEntry(bytes.TrimSuffix(l, []byte("\n")), &e) == nil && slices.Contains(c.drop, e.Sequence)
		})
		_, err := Verify(bytes.NewReader(bytes.Join(kept, nil)), Options{})
		c.want.check(t, "drop several", err)
	}
}

func TestReorder(t *testing.T) {
	b := twelve(t)
	b.notes = nil
	lines := linesOf(b.text(t))
	for i := 1; i <= 12; i++ {
		for j := i + 1; j <= 12; j++ {
			swapped := slices.Clone(lines)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			_, err := Verify(bytes.NewReader(bytes.Join(swapped, nil)), Options{})
			of(b, i-1, ledger.WhyOrder).check(t, "swap two", err)
		}
		_, err := Verify(bytes.NewReader(bytes.Join(slices.Insert(slices.Clone(lines), i, lines[i]), nil)), Options{})
		of(b, i-1, ledger.WhyOrder).check(t, "write one twice", err)
	}
	// The numbers made to fit the new order.
	b = twelve(t)
	b.notes = nil
	x, y := &b.entries[4], &b.entries[5]
	*x, *y = *y, *x
	x.Sequence, y.Sequence = y.Sequence, x.Sequence
	x.Number, y.Number = y.Number, x.Number
	_, err := Verify(bytes.NewReader(b.text(t)), Options{})
	of(b, 4, ledger.WhyPrevious).check(t, "swap two and renumber", err)
}

func TestTruncate(t *testing.T) {
	b := twelve(t)
	text := b.text(t)
	for _, options := range []Options{{}, {Keys: b.keys}} {
		for n := range text {
			_, err := Verify(bytes.NewReader(text[:n]), options)
			if err == nil {
				t.Fatalf("it verifies when it is cut at byte %d", n)
			}
			var bad *ledger.BadEntryError
			if whole := bytes.Count(text[:n], []byte("\n{\"entry\":")); n > bytes.IndexByte(text, '\n') && !errors.As(err, &bad) {
				t.Fatalf("cut at byte %d, after about %d entries: got %v", n, whole, err)
			}
		}
	}
}

// shortened is the export of a book without its last entries, with a header and
// an end that fit.
func shortened(t *testing.T, b *book, entries int, notes bool) []byte {
	t.Helper()
	short := &book{entries: b.entries[:entries]}
	for _, n := range b.notes {
		if c, err := checkpoint.Read(n); err == nil && (notes || int(c.Sequence) <= entries) {
			short.notes = append(short.notes, n)
		}
	}
	return short.text(t)
}

func TestTruncateAndMend(t *testing.T) {
	b := twelve(t)
	for n := range 12 {
		text := shortened(t, b, n, false)
		if _, err := Verify(bytes.NewReader(text), Options{Keys: b.keys}); err != nil {
			t.Fatalf("%d entries: without an anchor this cannot be seen: %v", n, err)
		}
		last, err := checkpoint.Read(b.notes[3])
		if err != nil {
			t.Fatal(err)
		}
		_, err = Verify(bytes.NewReader(text), Options{Keys: b.keys, Anchors: []checkpoint.Checkpoint{last}})
		var bad *ledger.BadEntryError
		if !errors.As(err, &bad) || bad.Why != ledger.WhyMissing || bad.Writer != "node-2" {
			t.Errorf("%d entries: got %v", n, err)
		}
	}
	last, _ := checkpoint.Read(b.notes[3])
	_, err := Verify(bytes.NewReader(shortened(t, b, 11, false)), Options{Anchors: []checkpoint.Checkpoint{last}})
	want{"node-2", 5, 12, ledger.WhyMissing}.check(t, "the last one", err)

	// A checkpoint that was left shows it too.
	text := shortened(t, b, 11, false)
	left, err := appendCheckpoint(nil, b.notes[3])
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`{"end":{"entries":11,"checkpoints":3}}`), append(left, `{"end":{"entries":11,"checkpoints":4}}`...), 1)
	var bad *ledger.BadEntryError
	if _, err = Verify(bytes.NewReader(text), Options{Keys: b.keys}); !errors.As(err, &bad) || bad.Sequence != 12 || bad.Why != ledger.WhyMissing {
		t.Errorf("a checkpoint that was left: got %v", err)
	}
}
