package export

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

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

// fields alters every field of an entry, one at a time.
var fields = map[string]struct {
	change func(*ledger.Stored)
	why    string
}{
	"previous":        {func(e *ledger.Stored) { e.Previous[0] ^= 1 }, ledger.WhyPrevious},
	"site":            {func(e *ledger.Stored) { e.Site = "other" }, ledger.WhyHash},
	"purpose":         {func(e *ledger.Stored) { e.Purpose = "profiling" }, ledger.WhyHash},
	"purpose version": {func(e *ledger.Stored) { e.PurposeVersion++ }, ledger.WhyHash},
	"text":            {func(e *ledger.Stored) { e.TextHash[31] ^= 1 }, ledger.WhyHash},
	"state":           {func(e *ledger.Stored) { e.State = ledger.StateRenewed }, ledger.WhyHash},
	"event type":      {func(e *ledger.Stored) { e.Type = ledger.EventImplied }, ledger.WhyHash},
	"channel":         {func(e *ledger.Stored) { e.Channel = "paper" }, ledger.WhyHash},
	"surface":         {func(e *ledger.Stored) { e.Surface = "page" }, ledger.WhyHash},
	"locale":          {func(e *ledger.Stored) { e.Locale = "" }, ledger.WhyHash},
	"proof":           {func(e *ledger.Stored) { e.Proof = ledger.ProofLink }, ledger.WhyHash},
	"gpc":             {func(e *ledger.Stored) { e.GPC = !e.GPC }, ledger.WhyHash},
	"dnt":             {func(e *ledger.Stored) { e.DNT = !e.DNT }, ledger.WhyHash},
	"adpc":            {func(e *ledger.Stored) { e.ADPC = !e.ADPC }, ledger.WhyHash},
	"guardian":        {func(e *ledger.Stored) { e.Guardian = !e.Guardian }, ledger.WhyHash},
	"time":            {func(e *ledger.Stored) { e.At = e.At.Add(time.Microsecond) }, ledger.WhyHash},
	"until":           {func(e *ledger.Stored) { e.Until = e.Until.AddDate(1, 0, 0) }, ledger.WhyHash},
	"no until":        {func(e *ledger.Stored) { e.Until = time.Time{} }, ledger.WhyHash},
	"key":             {func(e *ledger.Stored) { e.KeyHash[3] ^= 1 }, ledger.WhyHash},
	"hash":            {func(e *ledger.Stored) { e.Hash[3] ^= 1 }, ledger.WhyHash},
	"subject":         {func(e *ledger.Stored) { e.Subject[3] ^= 1 }, ledger.WhyPart},
	"linked, added":   {func(e *ledger.Stored) { e.Linked[3] ^= 1 }, ledger.WhyPart},
	"raw signal":      {func(e *ledger.Stored) { e.RawSignal = "x" }, ledger.WhyPart},
	"actor":           {func(e *ledger.Stored) { e.Actor += "x" }, ledger.WhyPart},
	"reason":          {func(e *ledger.Stored) { e.Reason = "x" }, ledger.WhyPart},
	"proof ref":       {func(e *ledger.Stored) { e.ProofRef += "x" }, ledger.WhyPart},
	"guardian ref":    {func(e *ledger.Stored) { e.GuardianRef += "x" }, ledger.WhyPart},
	"country, added":  {func(e *ledger.Stored) { e.Country = "SK" }, ledger.WhyPart},
	"a salt":          {func(e *ledger.Stored) { e.Salts[0][0] ^= 1 }, ledger.WhyPart},
	"two salts":       {func(e *ledger.Stored) { e.Salts[0], e.Salts[3] = e.Salts[3], e.Salts[0] }, ledger.WhyPart},
	"a commitment":    {func(e *ledger.Stored) { e.Commitments[0][0] ^= 1 }, ledger.WhyHash},
	"no commitment":   {func(e *ledger.Stored) { e.Commitments[0] = ledger.Commitment{} }, ledger.WhyHash},
}

func TestAlterEveryField(t *testing.T) {
	for name, f := range fields {
		b := twelve(t)
		f.change(&b.entries[7])
		_, err := Verify(bytes.NewReader(b.text(t)), Options{Keys: b.keys})
		of(b, 7, f.why).check(t, name, err)
	}
}

// What says which entry it is can be altered too; the place is named.
func TestAlterNames(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ledger.Stored)
		want   want
	}{
		"number":         {func(e *ledger.Stored) { e.Number++ }, want{"node-1", 6, 8, ledger.WhyHash}},
		"sequence":       {func(e *ledger.Stored) { e.Sequence++ }, want{"node-1", 5, 9, ledger.WhyHash}},
		"sequence, back": {func(e *ledger.Stored) { e.Sequence -= 4 }, want{"node-1", 5, 4, ledger.WhyHash}},
		"another writer": {func(e *ledger.Stored) { e.Writer = "node-2" }, want{"node-2", 5, 8, ledger.WhyOrder}},
		"a new writer":   {func(e *ledger.Stored) { e.Writer = "node-3" }, want{"node-3", 5, 8, ledger.WhyOrder}},
	} {
		b := twelve(t)
		text := b.text(t)
		old, err := appendEntry(nil, &b.entries[7])
		if err != nil {
			t.Fatal(err)
		}
		e := b.entries[7]
		c.change(&e)
		line, err := appendEntry(nil, &e)
		if err != nil || !bytes.Contains(text, old) {
			t.Fatal("the line is not there", err)
		}
		_, err = Verify(bytes.NewReader(bytes.Replace(text, old, line, 1)), Options{Keys: b.keys})
		c.want.check(t, name, err)
	}
}

// TestAlterEveryByte changes each byte of each entry's line.
func TestAlterEveryByte(t *testing.T) {
	b := twelve(t)
	text := b.text(t)
	for i := range b.entries {
		line, err := appendEntry(nil, &b.entries[i])
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(text, line)
		named := bytes.Index(line, []byte(`"sequence"`)) + 14
		for j := range len(line) {
			for _, bit := range []byte{1, 0x20} {
				bad := bytes.Clone(text)
				bad[at+j] ^= bit
				_, err := Verify(bytes.NewReader(bad), Options{})
				var found *ledger.BadEntryError
				if !errors.As(err, &found) {
					t.Fatalf("entry %d, byte %d of %q: got %v", i+1, j, line[max(0, j-10):j], err)
				}
				if j > named && j < len(line)-1 && (found.Sequence != b.entries[i].Sequence || found.Number != b.entries[i].Number || found.Writer != b.entries[i].Writer) {
					t.Fatalf("entry %d, byte %d: it names %v", i+1, j, found)
				}
			}
		}
	}
}

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
