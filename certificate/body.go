package certificate

import "time"

// Body is what a certificate says. It holds no identifier and no pseudonym.
type Body struct {
	Version    int         `json:"version"` // 1; 2 with copies
	Request    string      `json:"request"`
	Site       string      `json:"site"`
	Right      string      `json:"right"`
	Mode       string      `json:"mode"`
	Visitor    bool        `json:"visitor_without_contact"`
	Received   time.Time   `json:"received"`
	Accepted   time.Time   `json:"accepted"`
	Cutoff     time.Time   `json:"cutoff"`
	Done       time.Time   `json:"done"`
	Nodes      int         `json:"nodes"`
	Waiting    int64       `json:"waiting_erased"` // events that had not been stored yet
	Pseudonyms int         `json:"pseudonyms"`     // how many were looked for
	Tables     []Table     `json:"tables"`
	Keys       Keys        `json:"keys"`
	Recipients []Recipient `json:"recipients"`
	Manual     []Manual    `json:"manual"`
	Horizon    Horizon     `json:"horizon"`
	Notes      []string    `json:"notes"`
}

// Table is one table of the registry. Mutations are those of its whole batch.
type Table struct {
	Name      string    `json:"name"`
	Before    int64     `json:"rows_before"`
	After     int64     `json:"rows_after"`
	Kept      int64     `json:"rows_anonymised"`
	Mutations []string  `json:"mutations"`
	Replicas  int       `json:"replicas"`
	Verified  time.Time `json:"verified"`
	// Copies are the servers that hold one, where there are several.
	Copies []Copy `json:"copies,omitempty"`
}

// Copy is one server's copy of a table, counted by itself.
type Copy struct {
	Server   string    `json:"server"` // host:port
	After    int64     `json:"rows_after"`
	Verified time.Time `json:"verified"`
}

// Keys is what was destroyed.
type Keys struct {
	Salt       bool      `json:"salt_destroyed"` // false: a visitor has none
	DataKey    bool      `json:"data_key_destroyed"`
	Unreadable time.Time `json:"unreadable_on_copies"` // when the key is gone that copies of the medium are sealed under
	Tombstone  time.Time `json:"tombstone_key_destroyed"`
}

// Recipient is one who was told (Art. 19).
type Recipient struct {
	Name  string    `json:"name"`
	State string    `json:"state"` // delivered, by_hand, no_identifier
	At    time.Time `json:"at"`
}

// Manual is work outside of the product that somebody signed off.
type Manual struct {
	System string    `json:"system"`
	Actor  string    `json:"actor"`
	At     time.Time `json:"at"`
}

// Horizon is when the last copy anywhere is gone.
type Horizon struct {
	Until  time.Time `json:"until"`
	Stores []Store   `json:"stores"`
}

// Store is one personal store, and how it forgets.
type Store struct {
	Name  string    `json:"name"`
	How   string    `json:"how"`
	Until time.Time `json:"until"`
}
