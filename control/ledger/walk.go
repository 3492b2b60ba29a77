package ledger

import (
	"fmt"

	"zgoda/event"
)

// Head is the end of a writer's chain, or what was noted of it elsewhere.
type Head struct {
	Writer   Writer
	Number   Number
	Sequence event.Sequence
	Hash     [32]byte
}

// Stored is an entry as the ledger keeps it. A part whose Value is empty was
// never there or was erased; which of the two, its commitment tells.
type Stored struct {
	Entry
	KeyHash     [32]byte
	Commitments [Parts]Commitment
	Salts       [Parts][SaltSize]byte // of the parts that are there
}

// Erased is how many parts the entry was written with and does not have any more.
func (s *Stored) Erased() int {
	n := 0
	for i := range s.Commitments {
		if s.Commitments[i] != (Commitment{}) && len(s.Value(Part(i+1))) == 0 {
			n++
		}
	}
	return n
}

// BadEntryError names the first entry at which the ledger does not verify.
type BadEntryError struct {
	Writer   Writer         // empty when it cannot be told whose entry is missing
	Number   Number         // in the writer's chain; 0 when it cannot be told
	Sequence event.Sequence // 0 when it cannot be told
	Why      string
}

// Error names the entry and what is wrong with it, without content.
func (e *BadEntryError) Error() string {
	text := "the ledger was altered: the entry"
	if e.Sequence != 0 {
		text += fmt.Sprintf(" with sequence %d", e.Sequence)
	}
	if e.Number != 0 {
		text += fmt.Sprintf(" with number %d of writer %s", e.Number, e.Writer)
	}
	return text + " " + e.Why
}

// What can be wrong with an entry.
const (
	WhyMissing  = "is missing"
	WhyDamaged  = "is damaged"
	WhyPrevious = "does not follow the entry before it"
	WhyHash     = "does not match its hash"
	WhyPart     = "has a personal part that is not the one written"
	WhyHead     = "is not where the ledger's head says that it ends"
	WhyAnchor   = "is not the one that was noted elsewhere"
	WhyOrder    = "is not in the order of the ledger"
)

// Walker follows the chains of all writers, entry by entry in the order of
// their sequences. The zero Walker stands before the first entry. What it keeps
// is one head for each writer.
type Walker struct {
	heads map[Writer]*Head
	last  event.Sequence
}

// MaxWriters bounds the writers of one ledger.
const MaxWriters = 4096

// Last is the sequence of the last entry.
func (w *Walker) Last() event.Sequence { return w.last }

// Head returns the head of a writer; its Number is 0 before the first entry.
func (w *Walker) Head(writer Writer) Head {
	if h := w.heads[writer]; h != nil {
		return *h
	}
	return Head{Writer: writer}
}

// Writers returns how many writers there are.
func (w *Walker) Writers() int { return len(w.heads) }

// Each hands over every head, in no order.
func (w *Walker) Each(do func(Head)) {
	for _, h := range w.heads {
		do(*h)
	}
}

// Entry goes on to the next entry, or returns a *BadEntryError and stays. That
// an entry is missing, it says by its sequence; by its writer and number only if
// those are sure.
func (w *Walker) Entry(e *Stored) error {
	head := w.heads[e.Writer]
	if head == nil {
		head = &Head{Writer: e.Writer}
	}
	if why := w.fault(e, head); why == WhyMissing {
		b := &BadEntryError{Sequence: w.last + 1, Why: why}
		if e.Number > head.Number && uint64(e.Number-head.Number) == uint64(e.Sequence-w.last) {
			b.Writer, b.Number = e.Writer, head.Number+1 // all that is missing is this writer's
		}
		return b
	} else if why != "" {
		return &BadEntryError{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Why: why}
	}
	*head = Head{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash}
	if w.heads == nil {
		w.heads = make(map[Writer]*Head)
	}
	w.heads[e.Writer], w.last = head, e.Sequence
	return nil
}

// fault says what is wrong with the entry that comes after a head.
func (w *Walker) fault(e *Stored, head *Head) string {
	follows := e.Previous == head.Hash
	whole := e.HashOf(e.KeyHash, &e.Commitments) == e.Hash
	switch {
	case !e.Writer.Valid() || head.Number == 0 && len(w.heads) >= MaxWriters:
		return WhyDamaged
	case !whole && follows:
		return WhyHash
	case e.Sequence <= w.last || e.Number <= head.Number:
		return WhyOrder
	case e.Sequence > w.last+1:
		return WhyMissing
	case e.Number > head.Number+1:
		return WhyOrder
	case !follows:
		return WhyPrevious
	case !whole:
		return WhyHash
	case !e.partsMatch():
		return WhyPart
	}
	return ""
}

// partsMatch says whether every part that is there is the one committed to.
func (s *Stored) partsMatch() bool {
	for p := Part(1); int(p) <= Parts; p++ {
		if value := s.Value(p); len(value) > 0 && Commit(p, s.Salts[p-1], value) != s.Commitments[p-1] {
			return false
		}
	}
	return true
}
