package export

import (
	"bytes"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
)

// missing completes the name of an entry that is missing, of which the sequence
// is known. Whose it is, the entries that follow may tell, or the heads in the
// first line. If it comes later, it is not missing.
func (v *verifying) missing(b *ledger.BadEntryError) error {
	numbers := v.numbers()
	v.lookAhead(b, numbers)
	if b.Writer == "" {
		v.byHeads(b, numbers)
	}
	return b
}

// lookAhead goes through all that follows the place of a missing entry. v.entry
// may be the first after it. The numbers follow as long as nothing else is
// missing.
func (v *verifying) lookAhead(b *ledger.BadEntryError, numbers map[ledger.Writer]ledger.Number) {
	e := &v.entry
	if e.Sequence <= v.walk.Last() && !v.read(e) {
		return
	}
	gap := uint64(e.Sequence - v.walk.Last() - 1)
	for last, sure := e.Sequence-1, b.Writer == ""; ; {
		if e.Sequence == b.Sequence {
			b.Writer, b.Number, b.Why = e.Writer, e.Number, ledger.WhyOrder
			return
		}
		// A step in a writer's numbers can only come from this gap.
		sure = sure && e.Sequence == last+1 && len(numbers) < ledger.MaxWriters
		if sure {
			if uint64(e.Number) == uint64(numbers[e.Writer])+gap+1 && gap > 0 {
				b.Writer, b.Number, sure = e.Writer, numbers[e.Writer]+1, false
			}
			numbers[e.Writer], last = e.Number, e.Sequence
		}
		if !v.read(e) {
			return
		}
	}
}

// read reads the next entry and checks nothing; it says whether there is one.
func (v *verifying) read(e *ledger.Stored) bool {
	for {
		line, err := v.in.next()
		if err != nil {
			return false
		}
		if bytes.HasPrefix(line, []byte(`{"entry":{`)) {
			return parseEntry(line, e) == nil
		}
	}
}

func (v *verifying) numbers() map[ledger.Writer]ledger.Number {
	n := make(map[ledger.Writer]ledger.Number)
	v.walk.Each(func(h ledger.Head) { n[h.Writer] = h.Number })
	return n
}

// byHeads names the writer of what is missing, if there is only one whose head
// is after the number that was met last.
func (v *verifying) byHeads(b *ledger.BadEntryError, numbers map[ledger.Writer]ledger.Number) {
	behind := make(map[ledger.Writer]bool)
	for _, h := range v.report.Heads {
		if h.Number > numbers[h.Writer] {
			behind[h.Writer] = true
		}
	}
	if len(behind) != 1 {
		return
	}
	for w := range behind {
		b.Writer, b.Number = w, v.walk.Head(w).Number+1
	}
}

// unmet finds the first anchor over an entry that is not there: the export ends
// before it.
func (v *verifying) unmet() error {
	var first *checkpoint.Checkpoint
	for _, list := range v.anchors {
		if len(list) > 0 && (first == nil || list[0].Sequence < first.Sequence) {
			first = &list[0]
		}
	}
	if first == nil {
		return nil
	}
	head := v.walk.Head(first.Writer)
	b := &ledger.BadEntryError{Writer: first.Writer, Number: head.Number + 1, Why: ledger.WhyMissing}
	if uint64(first.Sequence-v.walk.Last()) == uint64(first.Number-head.Number) {
		b.Sequence = v.walk.Last() + 1 // all that is missing is this writer's
	}
	return b
}
