// Package erase says whose rows are to go from ClickHouse, and what became of them:
// the words between who decides it and activity, which does it.
package erase

import (
	"time"

	"zgoda/event"
)

// Mode is what becomes of a person's rows.
type Mode uint8

// The modes. The zero value is none.
const (
	ModeNone      Mode = iota
	ModeErase          // they go
	ModeAnonymise      // they go, but what is left of them without a person stays where its group is large enough
	ModeWithdraw       // what rests on one purpose goes; Bit says which
	ModeWithdrawAnonymise
)

// Person is one whose rows are to go.
type Person struct {
	Number   uint32       // of the caller's own, for Counts
	Site     event.SiteID // empty: of any
	Whole    []event.Handle
	Visitors []event.Handle // of exclusive visitors: taken out of the column visitor as well
	Windows  []Window
	Mode     Mode
	Bit      uint8 // of ModeWithdraw
	// Rests are the purposes that a row rests on, by its scope (measurement, analytics,
	// profiling): when a withdrawal leaves none of them on a row, the row goes. A row
	// that is left without any purpose goes in any case. Of those that are
	// anonymised, what is left keeps its purposes of Rests[event.ScopeNone].
	Rests [event.ScopePerson + 1]event.PurposeSet
}

// Window is a pseudonym whose rows are the person's for some time alone. A zero end
// is none.
type Window struct {
	Subject  event.Handle
	From, To time.Time
	Received bool // by the time of receipt; else by the event's own
}

// Counts are the rows of one person by table.
type Counts struct {
	Number uint32
	Rows   map[string]uint64
}

// Proof is what was counted on one server once rows were to be gone from it.
type Proof struct {
	Server string            // host:port
	Left   map[string]uint64 // by table
	At     time.Time
}

// What says what somebody is hidden from.
type What uint8

// What a hidden person is hidden from, as bits.
const (
	FromAll       What = 1 << iota // restricted, or about to be erased
	FromMarketing                  // segments and marketing
	FromDecisions                  // automated decisions (Art. 22)
)

// Stamp is how long rows of one purpose are kept. A row is kept for the shortest
// time of the purposes that its scope rests on.
type Stamp struct {
	Bit          uint8
	Scope        event.Scope // of rows that rest on the purpose
	Months, Days int
}
