package stores

import (
	"path"
	"strings"
	"time"

	"zgoda/consent"
)

// Store is one place.
type Store struct {
	Name string
	// Files are those that belong to it, by path.Match patterns relative to the data
	// folder; a pattern that ends in "/" is the folder with all in it. None: it is in
	// memory, or elsewhere.
	Files    []string
	Personal bool
	Holds    string // what
	How      string // it is erased
	// Last is how long after an erasure the last copy is gone here.
	Last Term
}

// Term is a time after an erasure: calendar first, then days.
type Term struct {
	Backups bool // the time for which backups are kept
	Months  int
	Days    int
}

func (t Term) after(at time.Time, backups consent.Retention) time.Time {
	if t.Backups {
		at = at.AddDate(0, backups.Months, backups.Days)
	}
	return at.AddDate(0, t.Months, t.Days)
}

// The times for which something is kept that is not the person's data any more.
const (
	// TombstoneDays is how long late events of an erased person are known as such.
	TombstoneDays = 30
	// JournalDays is how much longer than backups the journal of erasures is kept.
	JournalDays = 31
)

// All are the stores, in the order in which a person's data passes them.
var All = []Store{
	{
		Name: "memory of the gateway", Personal: true, Holds: "who was seen lately, why events were not stored",
		How: "taken out by the fence; bounded in number and time; gone with the process, which writes no core dump and locks its memory where it may",
	},
	{
		Name: "spool", Files: []string{"spool/"}, Personal: true, Holds: "accepted events on their way to ClickHouse, sealed",
		How: "taken out of its files on every node before anything is deleted; each node acknowledges it",
	},
	{
		Name: "queue of the undecided", Files: []string{"later/"}, Personal: true, Holds: "accepted events whose identifiers are sealed to the keyholder",
		How: "waited for until each is decided, which drops what is an erased person's",
	},
	{
		Name: "queue of the said", Files: []string{"said/"}, Personal: true, Holds: "what contacts said of themselves, sealed, on its way to the vault",
		How: "taken out of its files on every node; what comes later finds no contact",
	},
	{
		Name: "ranges in flight", Files: []string{"journal/ranges*"}, Holds: "positions in the spool", How: "nothing personal",
	},
	{
		Name: "quarantine", Files: []string{"journal/quarantine/"}, Personal: true, Holds: "events that ClickHouse refused, sealed",
		How: "taken out of its files on every node",
	},
	{
		Name: "events that cannot be decided", Files: []string{"journal/undecided/"}, Personal: true, Holds: "events whose identifiers nobody can open, sealed",
		How: "nobody can tell whose they are; removed by an operator, whom zgoda doctor tells of them",
	},
	{
		Name: "sayings that cannot be kept", Files: []string{"journal/unkept/"}, Personal: true, Holds: "what the keyholder could not open, sealed",
		How: "nobody can tell what they say; removed by an operator, whom zgoda doctor tells of them",
	},
	{
		Name: "events and links in ClickHouse", Files: []string{"clickhouse/"}, Personal: true, Holds: "rows under pseudonyms",
		How: "deleted by a mutation whose text names nobody, proven zero past masks and caches, old parts gone",
	},
	{
		Name: "lists of the hidden and of whom to erase", Personal: true, Holds: "pseudonyms, in the memory of ClickHouse alone",
		How: "dropped with the batch",
	},
	{
		Name: "control store", Files: []string{"control/"}, Personal: true, Holds: "consents, requests, links under pseudonyms, with the write-ahead log",
		How:  "rows deleted and overwritten (secure_delete); a bare pseudonym stays against late events, then goes; of the ledger hashes stay",
		Last: Term{Days: TombstoneDays},
	},
	{
		Name: "vault and its copies", Files: []string{"keyholder/"}, Personal: true, Holds: "identifiers, traits, documents and salts, sealed",
		How:  "deleted; salt and data key are unreadable on every copy after the next nightly re-wrap; a tombstone under a key of its own day stays against late events",
		Last: Term{Days: TombstoneDays},
	},
	{
		Name: "journal of erasures", Files: []string{"erasures/"}, Personal: true, Holds: "pseudonyms of erased people, sealed by the keyholder, so that a restore can be undone",
		How:  "its key of the month is destroyed; the entry is removed",
		Last: Term{Backups: true, Days: JournalDays},
	},
	{
		Name: "backups", Files: []string{"backup/"}, Personal: true, Holds: "copies of the control store, ClickHouse and the vault",
		How:  "they expire; after a restore nothing is served before the erasures since were carried out again",
		Last: Term{Backups: true},
	},
	{
		Name: "exports", Personal: true, Holds: "what was handed to the person or to whom the person named",
		How: "streamed, never kept here",
	},
	{
		Name: "notices", Personal: true, Holds: "what recipients are to be told",
		How: "identifiers are read from the vault at each try and kept nowhere; given up after 72 hours",
	},
	{
		Name: "ledger exports, checkpoints and anchors", Holds: "hashes and commitments", How: "nothing personal without the control store",
	},
	{
		Name: "running state", Files: []string{"run/"}, Holds: "sockets, locks, addresses, tokens of this machine", How: "nothing personal",
	},
}

// Of returns the store that a file belongs to, by its path relative to the data
// folder with slashes.
func Of(file string) (Store, bool) {
	for _, s := range All {
		for _, pattern := range s.Files {
			if folder, whole := strings.CutSuffix(pattern, "/"); whole && (file == folder || strings.HasPrefix(file, pattern)) {
				return s, true
			}
			if match, err := path.Match(pattern, file); err == nil && match {
				return s, true
			}
		}
	}
	return Store{}, false
}
