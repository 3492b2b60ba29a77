package export

import (
	"bytes"
	"errors"
	"testing"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
)

// FuzzEntry: a line that is accepted is the one that would be written.
func FuzzEntry(f *testing.F) {
	b := twelve(f)
	for i := range b.entries {
		line, err := appendEntry(nil, &b.entries[i])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var e ledger.Stored
		if parseEntry(line, &e) != nil {
			return
		}
		back, err := appendEntry(nil, &e)
		if err != nil || !bytes.Equal(back, append(bytes.Clone(line), '\n')) {
			t.Fatalf("%q is accepted and written as %q, %v", line, back, err)
		}
	})
}

// FuzzLines: the same for the other lines.
func FuzzLines(f *testing.F) {
	for _, line := range linesOf(twelve(f).text(f)) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var back []byte
		var err error
		if h, bad := parseHeader(line); bad == nil {
			back, err = appendHeader(nil, &h)
		} else if msg, bad := parseCheckpoint(line); bad == nil {
			back, err = appendCheckpoint(nil, msg)
		} else if e, bad := parseEnd(line); bad == nil {
			back = appendEnd(nil, e)
		} else {
			return
		}
		if err != nil || !bytes.Equal(back, append(bytes.Clone(line), '\n')) {
			t.Fatalf("%q is accepted and written as %q, %v", line, back, err)
		}
	})
}

// FuzzVerify: no text makes the check fail otherwise than with an error, and
// what verifies against the anchors of a book has the book's entries.
func FuzzVerify(f *testing.F) {
	b := twelve(f)
	text := b.text(f)
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(bytes.Replace(text, []byte("given"), []byte("refused"), 1))
	b.notes = nil
	f.Add(b.text(f))
	b = twelve(f)
	var anchors []checkpoint.Checkpoint
	for _, n := range b.notes {
		c, err := checkpoint.Read(n)
		if err != nil {
			f.Fatal(err)
		}
		anchors = append(anchors, c)
	}
	f.Fuzz(func(t *testing.T, changed []byte) {
		r, err := Verify(bytes.NewReader(changed), Options{Anchors: anchors})
		if err != nil {
			var entry *ledger.BadEntryError
			var note *BadCheckpointError
			if (errors.As(err, &entry) || errors.As(err, &note)) && err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		// The seeds' salts are the same in every run, so their hashes are too.
		if r.Entries < 12 || r.Anchors != len(anchors) {
			t.Fatalf("%d entries and %d anchors verify", r.Entries, r.Anchors)
		}
	})
}
