package spool

import (
	"errors"
	"fmt"
)

// The errors that callers tell apart with errors.Is.
var (
	ErrFull     = errors.New("the spool is full")                     // try later
	ErrFailed   = errors.New("the spool's disk fails")                // nothing was promised
	ErrHangs    = errors.New("the spool's disk does not answer")      // records gather, nothing is promised
	ErrClosed   = errors.New("the spool is closed")                   // shutting down
	ErrTooLarge = errors.New("the record is empty or over the limit") // never will fit
	ErrLocked   = errors.New("the spool's folder is locked by another process")
)

// Damage says what is wrong with a segment.
type Damage uint8

// The kinds of damage.
const (
	DamageNone     Damage = iota
	DamageHeader          // the segment's header cannot be read
	DamageVersion         // written by a version unknown here
	DamageKey             // sealed under another key
	DamageChecksum        // a checksum does not match
	DamageLength          // a length that cannot be
	DamageOrder           // a group is not the one that should follow
	DamageSeal            // the checksum matches but the seal does not
	DamageShort           // ends before the length that was noted of it
	DamageMissing         // the segment is not there
	DamageMark            // the release position cannot be read
	DamageRead            // the disk does not give it back, however often it is asked
)

var damageNames = [...]string{
	"none", "header", "version", "key", "checksum", "length", "order", "seal", "short", "missing", "mark", "read",
}

// String returns the damage as metrics write it.
func (d Damage) String() string {
	if int(d) < len(damageNames) {
		return damageNames[d]
	}
	return damageNames[DamageNone]
}

// CorruptError reports damage in a segment. What lies from Offset on has been
// set aside in a file that ends in .damaged.
type CorruptError struct {
	Segment uint64
	Offset  int64
	Damage  Damage
	Lost    int // records that were known to wait there and are not handed out any more; Open does not know
}

// Error says where and what.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("spool segment %d is damaged at byte %d: %s", e.Segment, e.Offset, e.Damage)
}

// errTorn marks a group that was not written to its end.
var errTorn = errors.New("torn group")
