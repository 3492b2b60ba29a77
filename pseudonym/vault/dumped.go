package vault

import "zgoda/event"

// Dumped is one part of a vault as a backup keeps it. One of the fields is set.
// Salts and contacts' own keys are open: it may only be written sealed.
type Dumped struct {
	Contact  *DumpedContact `json:"contact,omitempty"`
	Chunk    *DumpedChunk   `json:"chunk,omitempty"`
	Tomb     *DumpedTomb    `json:"tomb,omitempty"`
	Progress *DumpedState   `json:"progress,omitempty"`
	Case     *DumpedCase    `json:"case,omitempty"`
	Erasure  *DumpedErasure `json:"erasure,omitempty"`
}

// DumpedContact is a contact with everything but the parts of its attachments,
// which follow it.
type DumpedContact struct {
	ID          ContactID          `json:"id"`
	Salt        []byte             `json:"salt"`
	DEK         []byte             `json:"dek,omitempty"`
	Identifiers []DumpedIdentifier `json:"identifiers,omitempty"`
	Visitors    []DumpedVisitor    `json:"visitors,omitempty"`
	Data        [][]byte           `json:"data,omitempty"`
	Attachments []DumpedHead       `json:"attachments,omitempty"`
	Merged      bool               `json:"merged,omitempty"` // others were merged into it
	Seen        uint32             `json:"seen,omitempty"`   // day since 1970
}

// DumpedIdentifier is an index that leads to a contact.
type DumpedIdentifier struct {
	Index []byte `json:"index"`
	Link  uint32 `json:"link"`
	Gate  uint32 `json:"gate"`
	Stale int    `json:"stale,omitempty"`
}

// DumpedVisitor is a visitor of a contact, sealed under the contact's own key.
type DumpedVisitor struct {
	Tag    []byte `json:"tag"`
	Sealed []byte `json:"sealed"`
}

// DumpedHead is the head of an attachment, sealed under the contact's own key.
type DumpedHead struct {
	ID       []byte `json:"id"`
	Sealed   []byte `json:"sealed"`
	Bytes    int64  `json:"bytes"`
	Complete bool   `json:"complete"`
}

// DumpedChunk is a part of an attachment, sealed under the attachment's key.
type DumpedChunk struct {
	Attachment []byte `json:"attachment"`
	N          uint32 `json:"n"`
	Sealed     []byte `json:"sealed"`
}

// DumpedTomb is a tombstone.
type DumpedTomb struct {
	Key    string `json:"key"`
	Tag    []byte `json:"tag"`
	Link   uint32 `json:"link"`
	Cutoff int64  `json:"cutoff"` // Unix milliseconds
}

// DumpedCase is whom a request is about.
type DumpedCase struct {
	ID      []byte       `json:"id"`
	Site    event.SiteID `json:"site,omitempty"`
	Contact ContactID    `json:"contact,omitempty"`
	Visitor []byte       `json:"visitor,omitempty"` // h1
	Opened  int64        `json:"opened"`            // Unix milliseconds
	State   CaseState    `json:"state"`
}

// DumpedErasure is an entry of the journal of erasures, under its own month's key.
type DumpedErasure struct {
	ID     []byte `json:"id"`
	At     int64  `json:"at"` // Unix milliseconds
	Until  int64  `json:"until"`
	Sealed []byte `json:"sealed"`
}

// DumpedState is how far something is.
type DumpedState struct {
	Name  string `json:"name"`
	State []byte `json:"state"`
}
