package export

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"zgoda/control/ledger"
)

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
