package later

import (
	"zgoda/event"
	"zgoda/spool"
)

// Outcome is what was decided about an event that waited.
type Outcome struct {
	Reason event.Reason // why nothing of it is stored; ReasonNone: it is in the spool
	Ticket spool.Ticket // its place there

	HasSaid bool         // what it says of its contact is in the queue for the vault
	Said    spool.Ticket // its place there
}
