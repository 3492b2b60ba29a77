package export

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/event"
)

func TestGood(t *testing.T) {
	b := twelve(t)
	var anchors []checkpoint.Checkpoint
	for _, n := range b.notes {
		c, err := checkpoint.Read(n)
		if err != nil {
			t.Fatal(err)
		}
		anchors = append(anchors, c)
	}
	r, err := Verify(bytes.NewReader(b.text(t)), Options{Keys: b.keys, Anchors: anchors})
	if err != nil {
		t.Fatal(err)
	}
	if r.Entries != 12 || r.Checkpoints != 4 || r.Anchors != 4 || r.Erased != 0 || r.Through != 12 || len(r.Heads) != 2 || !r.Made.Equal(began) {
		t.Errorf("got %+v", r)
	}
	if _, err := Verify(bytes.NewReader(b.text(t)), Options{}); err != nil {
		t.Errorf("without keys: %v", err)
	}
	empty := &book{}
	if r, err := Verify(bytes.NewReader(empty.text(t)), Options{}); err != nil || r.Entries != 0 {
		t.Errorf("an empty ledger: %v", err)
	}
}

// TestExportFromBeforeADPC: what was written when entries had no ADPC verifies as it
// is, and is written alike.
func TestExportFromBeforeADPC(t *testing.T) {
	text, err := os.ReadFile("testdata/before_adpc.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Verify(bytes.NewReader(text), Options{})
	if err != nil || r.Entries != 12 || r.Checkpoints != 4 {
		t.Fatalf("%d entries, %d checkpoints, %v", r.Entries, r.Checkpoints, err)
	}
	for _, line := range linesOf(text) {
		if !bytes.HasPrefix(line, []byte(`{"entry":`)) {
			continue
		}
		var e ledger.Stored
		if err := parseEntry(bytes.TrimSuffix(line, []byte("\n")), &e); err != nil || e.ADPC {
			t.Fatalf("%q: %v", line, err)
		}
		if again, err := appendEntry(nil, &e); err != nil || !bytes.Equal(again, line) {
			t.Errorf("written otherwise: %q, %v", again, err)
		}
	}
	marked := bytes.Replace(text, []byte(`"gpc":true,`), []byte(`"gpc":true,"adpc":true,`), 1)
	var bad *ledger.BadEntryError
	if _, err := Verify(bytes.NewReader(marked), Options{}); !errors.As(err, &bad) || bad.Sequence != 2 || bad.Why != ledger.WhyHash {
		t.Errorf("a flag that was added later: %v", err)
	}
}

// want is the entry that must be named.
type want struct {
	writer   ledger.Writer
	number   ledger.Number
	sequence event.Sequence
	why      string
}

func (w want) check(t *testing.T, what string, err error) {
	t.Helper()
	var bad *ledger.BadEntryError
	if !errors.As(err, &bad) {
		t.Errorf("%s: got %v, want entry %d", what, err, w.sequence)
		return
	}
	if (want{bad.Writer, bad.Number, bad.Sequence, bad.Why}) != w {
		t.Errorf("%s: got %v, want %+v", what, bad, w)
	}
}

// of is the entry at place i of a book, from 0 on.
func of(b *book, i int, why string) want {
	e := &b.entries[i]
	return want{e.Writer, e.Number, e.Sequence, why}
}

// rewritten is a book with one entry altered, and all the hashes mended after it.
func rewritten(t *testing.T) (b *book, original []checkpoint.Checkpoint) {
	t.Helper()
	b = twelve(t)
	for _, n := range b.notes {
		c, err := checkpoint.Read(n)
		if err != nil {
			t.Fatal(err)
		}
		original = append(original, c)
	}
	heads := map[ledger.Writer][32]byte{}
	for i := range b.entries {
		e := &b.entries[i]
		if i == 4 {
			e.State = ledger.StateRefused
		}
		e.Previous = heads[e.Writer]
		seal(e)
		heads[e.Writer] = e.Hash
	}
	return b, original
}

func TestRewrite(t *testing.T) {
	b, original := rewritten(t)
	_, err := Verify(bytes.NewReader(b.text(t)), Options{Keys: b.keys})
	of(b, 9, whySigned).check(t, "a checkpoint tells", err)
	b.notes = nil
	if _, err := Verify(bytes.NewReader(b.text(t)), Options{Keys: b.keys}); err != nil {
		t.Errorf("without checkpoints this cannot be seen: %v", err)
	}
	_, err = Verify(bytes.NewReader(b.text(t)), Options{Keys: b.keys, Anchors: original})
	of(b, 9, ledger.WhyAnchor).check(t, "an anchor tells", err)
}

func TestErase(t *testing.T) {
	b := twelve(t)
	before := b.text(t)
	erased := 0
	for i := range b.entries {
		e := &b.entries[i]
		if e.Subject != handle(2) {
			continue
		}
		for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
			if len(e.Value(p)) > 0 {
				erased++
			}
		}
		e.Subject, e.Linked, e.RawSignal, e.Actor, e.Reason, e.ProofRef, e.GuardianRef = event.Handle{}, event.Handle{}, "", "", "", "", ""
	}
	text := b.text(t)
	r, err := Verify(bytes.NewReader(text), Options{Keys: b.keys})
	if err != nil || r.Erased != erased || erased == 0 {
		t.Errorf("%d of %d parts erased: %v", r.Erased, erased, err)
	}
	if h := letters(handle(2)); !bytes.Contains(before, []byte(h)) || bytes.Contains(text, []byte(h)) {
		t.Error("the export has what was erased")
	}
}

func TestSwapParts(t *testing.T) {
	for what, swap := range map[string]func(x, y *ledger.Stored){
		"salts":    func(x, y *ledger.Stored) { x.Salts[0], y.Salts[0] = y.Salts[0], x.Salts[0] },
		"subjects": func(x, y *ledger.Stored) { x.Subject, y.Subject = y.Subject, x.Subject },
		"both": func(x, y *ledger.Stored) {
			x.Subject, y.Subject, x.Salts[0], y.Salts[0] = y.Subject, x.Subject, y.Salts[0], x.Salts[0]
		},
	} {
		b := twelve(t)
		swap(&b.entries[2], &b.entries[6])
		_, err := Verify(bytes.NewReader(b.text(t)), Options{Keys: b.keys})
		of(b, 2, ledger.WhyPart).check(t, what, err)
	}
}

func TestCheckpoints(t *testing.T) {
	b := twelve(t)
	text := b.text(t)
	_, other := newKey(t, b.keys[0].Name())
	bad := func(what string, text []byte, o Options, place int) {
		t.Helper()
		_, err := Verify(bytes.NewReader(text), o)
		var found *BadCheckpointError
		if !errors.As(err, &found) || found.Place != place {
			t.Errorf("%s: got %v", what, err)
		}
	}
	bad("another key", text, Options{Keys: append(b.keys[1:], other)}, 1)
	bad("a key of one writer only", text, Options{Keys: b.keys[:1]}, 2)
	line, err := appendCheckpoint(nil, b.notes[1])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, line)
	for j := range len(line) - 1 {
		for _, bit := range []byte{1, 0x20} {
			altered := bytes.Clone(text)
			altered[at+j] ^= bit
			if _, err := Verify(bytes.NewReader(altered), Options{Keys: b.keys}); err == nil {
				t.Fatalf("byte %d of a checkpoint is not looked at", j)
			}
		}
	}
	without := bytes.Replace(text, line, nil, 1)
	if _, err := Verify(bytes.NewReader(without), Options{Keys: b.keys}); err == nil || !strings.Contains(err.Error(), "as many") {
		t.Errorf("a checkpoint was dropped: got %v", err)
	}
	later := bytes.Replace(without, []byte(`{"end"`), append(bytes.Clone(line), `{"end"`...), 1)
	bad("a checkpoint stands later", later, Options{Keys: b.keys}, 4)
	bad("a checkpoint stands later, no key", later, Options{}, 4)
	first := bytes.IndexByte(text, '\n') + 1
	earlier := slices.Concat(without[:first], line, without[first:])
	bad("a checkpoint stands earlier", earlier, Options{Keys: b.keys}, 1)
}

func TestHeaderAndEnd(t *testing.T) {
	b := twelve(t)
	text := string(b.text(t))
	for what, change := range map[string][2]string{
		"through":       {`"through":12`, `"through":13`},
		"through less":  {`"through":12`, `"through":11`},
		"format":        {`"format":2`, `"format":3`},
		"a head":        {`"heads":[{"writer":"node-1","number":7`, `"heads":[{"writer":"node-1","number":8`},
		"a head's name": {`"heads":[{"writer":"node-1"`, `"heads":[{"writer":"node-3"`},
		"entries":       {`"entries":12`, `"entries":13`},
		"entries less":  {`"entries":12`, `"entries":11`},
		"checkpoints":   {`"checkpoints":4`, `"checkpoints":3`},
		"a space":       {`{"end":{`, `{"end": {`},
		"more after it": {`"checkpoints":4}}` + "\n", `"checkpoints":4}}` + "\n\n"},
		"an empty line": {"\n" + `{"end":{`, "\n\n" + `{"end":{`},
		"no export":     {`{"ledger":{`, `{"x":{`},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("%s: the text has no %s", what, change[0])
		}
		if _, err := Verify(strings.NewReader(strings.Replace(text, change[0], change[1], 1)), Options{Keys: b.keys}); err == nil {
			t.Errorf("%s: it verifies", what)
		}
	}
	if _, err := Verify(strings.NewReader("hello"), Options{}); !errors.Is(err, ErrNotExport) {
		t.Errorf("got %v", err)
	}
}
